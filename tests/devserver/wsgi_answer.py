"""Asking a WSGI application without a socket; `wsgiref.validate` watches over the rules."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["Answer"]


class Answer:
    """What an application said to one request; the body is not consumed."""

    def __init__(
        self, application: WSGIApplication, path: str, method: str = "GET", body: str = "", **environ: str
    ) -> None:
        self.environ: WSGIEnvironment = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, **environ}
        self.environ["wsgi.input"] = io.BytesIO(body.encode())
        setup_testing_defaults(self.environ)
        self.environ.setdefault("QUERY_STRING", "")
        self.body: Iterable[bytes] = validator(application)(self.environ, self._start)

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        return lambda data: None

    def text(self) -> str:
        try:
            return b"".join(self.body).decode()
        finally:
            self.close()

    def close(self) -> None:
        self.body.close()  # type: ignore[attr-defined]
