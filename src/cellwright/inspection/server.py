"""The server of the page: this machine alone, a token, and nothing but the page and its questions."""

from __future__ import annotations

import contextlib
import secrets
import sys
import webbrowser
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..errors import CellwrightError, InputError
from .api import Viewer

LOOPBACK = "127.0.0.1"
LONGEST = 4096
"""Characters of a request."""
WORKERS = ThreadPoolExecutor(8)
"""Work answers out. At its end Python waits for these threads; those of connections it would tear out of PyTorch."""
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page() -> dict[str, bytes]:
    """The files of the built page, by their names."""
    folder = files(__package__) / "page"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(tuple(KINDS))}


class Server(ThreadingHTTPServer):
    """Serves one inspection until it is closed.

    Args:
        viewer: what to show.
        port: 0 for a free one.

    >>> import torch, cellwright as cw
    >>> with Server(Viewer(cw.inspect(cw.LSTM(3, 4), torch.randn(9, 3)), "first")) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    daemon_threads = True

    def __init__(self, viewer: Viewer, port: int = 0) -> None:
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as error:
            raise InputError(f"the port {port} cannot be used: {error.strerror}; choose another") from error
        self.viewer, self.token, self.files = viewer, secrets.token_urlsafe(16), page()

    @property
    def url(self) -> str:
        """Where the page is, with the token."""
        return f"http://{LOOPBACK}:{self.server_port}/?token={self.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An error of one connection; that a browser has gone is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def hosts(self) -> set[str]:
        """What a browser may call this server."""
        return {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30
    server_version, sys_version = "cellwright", ""

    def do_GET(self) -> None:
        """The page, or a question of it."""
        if len(self.path) > LONGEST:
            return self.tell(HTTPStatus.REQUEST_URI_TOO_LONG, "the request is too long")
        if self.headers.get("Host") not in self.server.hosts:
            return self.tell(HTTPStatus.FORBIDDEN, "this server answers to its own address alone")
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            return self.tell(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a question has no content")
        parts = urlsplit(self.path)
        if parts.path.startswith("/api/"):
            return self.ask(parts.path.removeprefix("/api/"), dict(parse_qsl(parts.query)))
        name = "index.html" if parts.path == "/" else parts.path.removeprefix("/")
        if name not in self.server.files:
            return self.tell(HTTPStatus.NOT_FOUND, "there is no such page")
        return self.send(HTTPStatus.OK, KINDS[f".{name.rpartition('.')[2]}"], self.server.files[name])

    def ask(self, name: str, query: Mapping[str, str]) -> None:
        """Answer a question, if the token is right."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), self.server.token.encode()):
            return self.tell(HTTPStatus.UNAUTHORIZED, "the token is wrong; open the address that the terminal shows")
        try:
            kind, content = WORKERS.submit(self.server.viewer.answer, name, query).result()
        except CellwrightError as error:
            return self.tell(HTTPStatus.BAD_REQUEST, str(error))
        except Exception as error:  # the page must hear of whatever it is
            return self.tell(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}")
        return self.send(HTTPStatus.OK, kind, content)

    def tell(self, status: HTTPStatus, sentence: str) -> None:
        """A sentence, and the end of the connection."""
        self.close_connection = True
        self.send(status, "text/plain; charset=utf-8", sentence.encode())

    def send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        """An answer."""
        with contextlib.suppress(ConnectionError):  # the browser has gone on
            self.send_response(status)
            for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Nothing: the terminal belongs to the user."""


def serve(viewer: Viewer, port: int = 0, browser: bool = True) -> None:
    """Serve the page until Ctrl-C.

    Args:
        viewer: what to show.
        port: 0 for a free one.
        browser: open the page.
    """
    with Server(viewer, port) as server:
        sys.stdout.write(f"Look inside: {server.url}\nCtrl-C ends it.\n")
        sys.stdout.flush()
        if browser:
            webbrowser.open(server.url)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
