"""
What can go wrong in the background, as one tree.

::

    SoasapError
    ├── NetworkError (OSError)          the flag service could not be heard
    │   ├── ConnectionFailed            refused, unknown host, reset, timed out, not HTTP
    │   ├── CertificateRefused          certificate or host name did not pass
    │   ├── UnexpectedAnswer            an HTTP answer that is not a flag stream
    │   └── RedirectRefused             a redirect that would carry the key elsewhere, or never ends
    ├── PayloadError (ValueError)       an event arrived and was not believed
    │   ├── InvalidPayload              not one JSON object
    │   └── PayloadTooLarge             more than the cap of bytes
    ├── CacheError (OSError)            the snapshot could not be read from or written to its cache
    └── BackendUnavailable (RuntimeError)   the concurrency backend asked for cannot run in this process

None of these is ever raised by a read or by `close()`. They reach the application through
`SoasapClientOptions.on_error`, `status().last_error` and the logger `soasap`. The built-in bases are the types
that release 1.0.3 put into its error contexts.
"""

from __future__ import annotations

__all__ = [
    "BackendUnavailable",
    "CacheError",
    "CertificateRefused",
    "ConnectionFailed",
    "InvalidPayload",
    "NetworkError",
    "PayloadError",
    "PayloadTooLarge",
    "RedirectRefused",
    "SoasapError",
    "UnexpectedAnswer",
]


class SoasapError(Exception):
    """
    Base of everything soasap reports.

    Attributes:
        is_transient: Whether the same attempt may well succeed later without anybody changing anything.
        omitted: How many reports of the same source were left out since the previous one.
    """

    is_transient: bool = False
    omitted: int = 0

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} ({self.omitted} more reports were left out before this one)" if self.omitted else text


class NetworkError(SoasapError, OSError):
    """
    The flag service could not be heard.

    Attributes:
        is_refusal: The service answered, and the answer is no: knocking again soon is pointless. Three
            refusals in a row bring the slow regime of `soasap._sansio.backoff`.
        retry_after: Seconds the service asked us to stay away, 0 if it did not ask.
    """

    is_transient = True
    is_refusal: bool = False
    retry_after: float = 0.0


class ConnectionFailed(NetworkError):
    """No usable connection: refused, unknown host, reset, timed out, or the other side does not speak HTTP."""


class CertificateRefused(NetworkError):
    """The certificate, or the host name in it, did not pass. No request was sent."""

    is_transient = False


class UnexpectedAnswer(NetworkError):
    """
    An HTTP answer that is not a flag stream.

    Args:
        message: What was seen and what was expected.
        status: The HTTP status code.
        is_transient: False for answers that stay until somebody acts, 401 for example.
        is_refusal: See `NetworkError`.
        retry_after: Seconds, see `NetworkError`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        is_transient: bool,
        is_refusal: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_transient = is_transient
        self.is_refusal = is_refusal
        self.retry_after = retry_after


class RedirectRefused(NetworkError):
    """A redirect to another origin, without a target, or one too many. The API key did not travel."""

    is_transient = False
    is_refusal = True


class PayloadError(SoasapError, ValueError):
    """An event arrived whole, or too large, and was not believed. The snapshot and the connection stay."""


class InvalidPayload(PayloadError):
    """The payload is not one JSON object in UTF-8."""


class PayloadTooLarge(PayloadError):
    """
    One event carries more data than allowed.

    Transient, as in release 1.0.3: the next event may well be smaller.

    Args:
        limit: Bytes allowed in one event.
    """

    is_transient = True

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event carries more than the {limit} bytes of data allowed; it was skipped")
        self.limit = limit


class CacheError(SoasapError, OSError):
    """The snapshot could not be read from, or written to, its cache. Memory is not touched by it."""


class BackendUnavailable(SoasapError, RuntimeError):
    """The concurrency backend that was asked for cannot run in this process; `auto` took its place."""
