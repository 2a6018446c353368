"""A real browser for the tests of the page, and the page in it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cellwright.inspection import Inspection
from cellwright.inspection.api import Viewer
from cellwright.inspection.server import Server
from tests.inspection.page import Opened, made

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        assert not os.environ.get("CI"), "the tests of the page need Chromium: apt-get install chromium"
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def inspection() -> Inspection:
    return made()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens the page of an inspection; in the end there must have been no error, and no request elsewhere."""
    wrong: list[str] = []
    servers: list[Server] = []
    context = browser.new_context(viewport={"width": 1300, "height": 900}, accept_downloads=True)

    def open_page(
        inspection: Inspection, view: str = "", title: str = "<u>test</u>", shown: str = "canvas.time"
    ) -> Page:
        server = Server(Viewer(inspection, title))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: here(request.url, server) or wrong.append(request.url))
        page.goto(server.url + view)
        page.wait_for_selector(shown)
        if not view:
            page.keyboard.press("Escape")
        return page

    yield open_page
    context.close()
    for each in servers:
        each.shutdown()
        each.server_close()
    assert not wrong


def here(url: str, server: Server) -> bool:
    return url.startswith((f"http://127.0.0.1:{server.server_port}/", "data:", "blob:"))
