"""A `soasap serve` process seen from its parent."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from collections.abc import Sequence
from typing import IO, Any

from soasap._server.process import ListeningProcess

__all__ = ["ServerProcess"]


class ServerProcess(ListeningProcess):
    """
    Runs `python -m soasap serve` on loopback; see the base.

    Args:
        path: The flag file.
        port: 0 for a free one.
        api_key: The key to ask for; `None` accepts all.
        options: More options of `soasap serve`.
        program: What to run instead of `python -m soasap`; gets the same arguments.
        errors, ready_timeout: As in the base.
    """

    def __init__(
        self,
        path: str,
        *,
        port: int = 0,
        api_key: str | None = None,
        options: Sequence[str] = (),
        program: Sequence[str] = (sys.executable, "-m", "soasap"),
        errors: IO[Any] | None = None,
        ready_timeout: float = 30.0,
    ) -> None:
        self._api_key = api_key
        command = [*program, "serve", path, "--port", str(port), *options]
        if api_key is not None:
            command += ["--api-key", api_key]
        super().__init__(command, name="soasap serve", verb="serving", errors=errors, ready_timeout=ready_timeout)

    def streams(self, context: ssl.SSLContext | None = None) -> list[dict[str, Any]]:
        """
        The open streams, see `soasap._devserver.application.describe`. `OSError` if nobody answers.

        Args:
            context: Trusts the server, if it speaks TLS.
        """
        request = urllib.request.Request(f"{self.url}/api/v1/streams", headers={"X-API-Key": self._api_key or ""})
        # Loopback: whatever proxy the environment names is not meant.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=10) as response:
            answer: list[dict[str, Any]] = json.load(response)
        return answer
