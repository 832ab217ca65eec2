"""What a scenario plays on: a flag file, its server, a real SDK client, and chromium with as many pages as it wants."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from soasap import SoasapClientImpl, create_soasap_client
from soasap._devserver.process import ServerProcess

__all__ = ["FLAGS", "Stage", "open_stage"]

FLAGS = """{
  "new-checkout": true,
  "dark-mode": false,
  "invite-friends": true,
  "maintenance-banner": false,

  "checkout-limit": 25,
  "search-timeout": 2.5,
  "max-upload-bytes": 26214400,

  "theme": "midnight",
  "support-address": "help@example.org",

  "shipping-rates": {
    "standard": 4.9,
    "express": 12.5
  },
  "beta-countries": ["at", "ch", "de", "nl"]
}
"""

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


class Stage:
    """
    One server with one file, one client, and one browser.

    Attributes:
        path: The flag file.
        server: Serves it; a scenario may end it and put another one here.
        client: A real client of the server.
        browser: Playwright's browser, for what `page` does not do.
        faults: What the pages' scripts complained about; a scenario that ends with any has failed.
    """

    def __init__(self, path: Path, server: ServerProcess, client: SoasapClientImpl, browser: Any) -> None:
        self.path = path
        self.server = server
        self.client = client
        self.faults: list[str] = []
        self.browser = browser

    def page(self, **options: Any) -> Any:
        """A new Playwright page in a browser context of its own, loaded and live."""
        page = self.browser.new_context(viewport={"width": 1100, "height": 700}, **options).new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(self.server.url)
        page.get_by_text("Live", exact=True).wait_for()
        page.locator("[data-key]").first.wait_for()
        return page


@contextlib.contextmanager
def open_stage(chromium: str) -> Iterator[Stage]:
    """A stage; Playwright starts the browser with a new and empty profile each time."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ["HOME"] = home  # for the server and the browser
        path = Path(home, "shop", "flags.json")
        path.parent.mkdir()
        path.write_text(FLAGS)
        server = ServerProcess(str(path))
        client = create_soasap_client(api_key="any", base_url=server.url, cache=None)
        stage = Stage(path, server, client, None)
        stack.callback(lambda: stage.server.kill())
        stack.enter_context(client)
        assert client.wait_ready(60)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS)
        stack.callback(browser.close)
        stage.browser = browser
        yield stage
