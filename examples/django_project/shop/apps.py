"""Makes the client when Django has its settings, once per process; a fork needs nothing."""

from django.apps import AppConfig, apps
from django.conf import settings

import soasap


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        self.flags = soasap.create_soasap_client(**settings.SOASAP)


def flags():
    """The client of this process."""
    return apps.get_app_config("shop").flags
