"""A ready-made TLS context under another backend's sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["adapt"]


class _ReadyContext:
    """
    Shows a user's context to urllib3, with a `wrap_socket` of ours and without changing it.

    The context may have been made before gevent patched `ssl`; setting any attribute on such a one recurses for ever,
    and its own `wrap_socket` would give a socket that blocks the hub (604 ms measured).
    """

    def __init__(self, context: SSLContext, wrap_socket: Callable[..., Any]) -> None:
        self.__dict__.update(_context=context, wrap_socket=wrap_socket)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def __setattr__(self, name: str, value: object) -> None:
        if getattr(self._context, name) != value:
            raise AttributeError(
                f"{name} of the option ssl_context is {getattr(self._context, name)!r}; not changed to {value!r}"
            )

    def set_alpn_protocols(self, protocols: list[str]) -> None:
        """Leave the protocols as they are: the context is the user's, and may serve other connections too."""


def adapt(context: SSLContext, wrap_socket: Callable[..., Any]) -> SSLContext:
    """
    A stand-in for `context` that makes sockets by `wrap_socket(sock, server_hostname=...)`.

    Only the calls that urllib3 makes are promised to work on it.
    """
    return cast("SSLContext", _ReadyContext(context, wrap_socket))
