"""Settings: where the flags come from, beside everything else that Django is told."""

import os

SOASAP = {
    "api_key": os.environ["SOASAP_API_KEY"],
    "base_url": os.environ.get("SOASAP_BASE_URL", ""),
}

SECRET_KEY = "for an example"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["shop.apps.ShopConfig"]
ROOT_URLCONF = "shop.urls"
