"""What a relay needs to know, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from soasap._redis_url import parse as parse_redis_url
from soasap._sansio.options import DEFAULT_BASE_URL, check_options
from soasap.types import SoasapClientOptions

__all__ = ["BadSettings", "EnvironmentSettings", "RelaySettings", "check_settings"]


class BadSettings(Exception):
    """The file or an option cannot be used; the message names it, and quotes no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """
    One environment of the flag service.

    Attributes:
        name: For people: in `/healthz`, metrics and logs.
        api_key: What its clients send, and what the relay sends upstream.
        upstream: The service that has it.
    """

    name: str
    api_key: str = field(repr=False)
    upstream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """
    What a relay needs to know. All but `environments` are keys of the file, under the same names.

    Attributes:
        environments: Whose keys are known.
        host: Address to listen on.
        port: 0 for a free one.
        upstream: The flag service, for environments that name no other.
        open: Whether a key that nobody named is tried upstream.
        redis: URL of the Redis that relays share; `None` for a relay on its own.
        tls_cert: PEM file with the certificate chain; `None` for plain HTTP.
        tls_key: PEM file with its key; `None` if it is in `tls_cert`.
        ca_file, client_cert, proxy, cache_directory: Of the client upstream, as in `soasap.SoasapClientOptions`.
        keep_alive: Seconds of silence after which a client gets a comment.
        drain: Seconds over which the streams end after SIGTERM.
    """

    environments: tuple[EnvironmentSettings, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8765
    upstream: str = DEFAULT_BASE_URL
    open: bool = False
    redis: str | None = field(default=None, repr=False)
    tls_cert: str | None = None
    tls_key: str | None = None
    ca_file: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)
    cache_directory: str | None = None
    keep_alive: float = 15.0
    drain: float = 5.0

    def client_options(self, api_key: str, upstream: str) -> SoasapClientOptions:
        """
        Options of the client that streams for one environment.

        Raises:
            TypeError, ValueError: One of them is wrong.
        """
        return check_options(
            SoasapClientOptions(
                api_key=api_key,
                base_url=upstream,
                backend="gevent",
                ca_file=self.ca_file,
                client_cert=self.client_cert,
                proxy=self.proxy,
                cache_directory=self.cache_directory,
            )
        )


def check_settings(settings: RelaySettings) -> RelaySettings:
    """
    The settings with keys and addresses in their plainest form.

    Raises:
        BadSettings: Something is out of range, or does not go together.
    """
    if not settings.environments and not settings.open:
        raise BadSettings("no environment has an API key, so every client would be refused; name one, or say open")
    if not 0 <= settings.port <= 65535:
        raise BadSettings(f"port must be 0 to 65535, not {settings.port}")
    if settings.tls_key is not None and settings.tls_cert is None:
        raise BadSettings("tls_key needs tls_cert")
    if not 0 < settings.keep_alive < float("inf"):
        raise BadSettings(f"keep_alive must be more than 0 seconds, not {settings.keep_alive}")
    if not 0 <= settings.drain < float("inf"):
        raise BadSettings(f"drain must be 0 seconds or more, not {settings.drain}")
    if settings.redis is not None:
        try:
            parse_redis_url(settings.redis)
        except ValueError as exc:
            raise BadSettings(f"redis: {exc}") from exc
    _plainest(settings, "upstream", "any key", settings.upstream)
    environments = []
    owners: dict[str, str] = {}
    names: set[str] = set()
    for each in settings.environments:
        if each.name in names:  # one of the file, and one of an option or SOASAP_API_KEY
            raise BadSettings(f"environments.{each.name} is there twice: an option's key goes by that name too")
        names.add(each.name)
        options = _plainest(settings, f"environments.{each.name}", each.api_key, each.upstream)
        owner = owners.setdefault(options.api_key, each.name)
        if owner != each.name:
            raise BadSettings(f"environments.{owner} and environments.{each.name} have the same API key")
        environments.append(replace(each, api_key=options.api_key, upstream=options.base_url))
    return replace(settings, environments=tuple(environments))


def _plainest(settings: RelaySettings, name: str, api_key: str, upstream: str) -> SoasapClientOptions:
    try:
        return settings.client_options(api_key, upstream)
    except (TypeError, ValueError) as exc:
        raise BadSettings(f"{name}: {exc}") from exc
