"""A `soasap relay` process seen from its parent."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from typing import IO, Any

from soasap._server.process import ListeningProcess

__all__ = ["RelayProcess"]


class RelayProcess(ListeningProcess):
    """
    Runs `python -m soasap relay` on loopback; see the base.

    Args:
        arguments: Of `soasap relay`, but for the port.
        api_key: The key to relay for; `None` if the arguments say it, or if any is tried.
        port: 0 for a free one.
        errors, ready_timeout: As in the base.
    """

    def __init__(
        self,
        *arguments: str,
        api_key: str | None = None,
        port: int = 0,
        errors: IO[Any] | None = None,
        ready_timeout: float = 30.0,
    ) -> None:
        environ = {name: value for name, value in os.environ.items() if name != "SOASAP_API_KEY"}
        if api_key is not None:
            environ["SOASAP_API_KEY"] = api_key
        command: Sequence[str] = [sys.executable, "-m", "soasap", "relay", *arguments, "--port", str(port)]
        super().__init__(
            command,
            name="soasap relay",
            verb="relaying",
            errors=errors,
            environ=environ,
            ready_timeout=ready_timeout,
        )

    def health(self) -> dict[str, Any]:
        """What `/healthz` says. `OSError` if nobody answers."""
        # Loopback: whatever proxy the environment names is not meant.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/healthz", timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def environment(self, name: str = "default") -> dict[str, Any]:
        """What `/healthz` says of one environment."""
        answer: dict[str, Any] = self.health()["environments"][name]
        return answer
