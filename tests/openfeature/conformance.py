"""
What the tests of the provider share: the flags they ask for, and who listens.

The keys, values and questions are those of the draft Provider TCK (OpenFeature specification, Appendix F), asked of a
real client that has its flags from a real server. Its capabilities that soasap has: events, lifecycle, stale,
configuration-change, object, unavailable, numeric-coercion, large-integers, reinitialization and standard-reasons. It
has no variants, targeting and disabled flags, as the service has none.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from openfeature import api
from openfeature.event import EventDetails, ProviderEvent

from soasap import SoasapClientOptions
from tests.clients import API_KEY

FLAGS: dict[str, Any] = {
    "boolean-flag": True,
    "string-flag": "hi",
    "integer-flag": 10,
    "float-flag": 0.5,
    "large-integer-flag": 2**31 - 1,
    "huge-integer-flag": 2**53 - 1,
    "integral-float-flag": 10.0,
    "boolean-zero-flag": False,
    "integer-zero-flag": 0,
    "float-zero-flag": 0.0,
    "string-zero-flag": "",
    "object-flag": {"showImages": True, "title": "Check out these pics!", "imagesPerPage": 100},
    "object-zero-flag": {},
    "array-flag": ["a", 1, None],
    "array-zero-flag": [],
    "wrong-flag": "uno",
    "null-flag": None,
    "changing-flag": "foo",
}
"""Of these, `missing-flag` must never be one."""

PAYLOAD = json.dumps(FLAGS).encode()


def options(base_url: str, **more: Any) -> SoasapClientOptions:
    """Options of a client without a disk cache, unless `more` says so."""
    return SoasapClientOptions(API_KEY, base_url, **{"cache": None, **more})


class Audience:
    """Handlers for every event, which keep what they hear of soasap, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[ProviderEvent, EventDetails]] = []
        self.threads: set[str] = set()
        for event in ProviderEvent:
            api.add_handler(event, lambda details, event=event: self._hear(event, details))  # type: ignore[misc]

    def events(self) -> list[str]:
        """Names of the events so far, without their prefix."""
        return [event.value.removeprefix("PROVIDER_") for event, _ in self.heard]

    def has(self, name: str) -> bool:
        """Whether an event of this name was heard."""
        return name in self.events()

    def last(self, event: ProviderEvent) -> EventDetails:
        """The details of the newest event of this kind."""
        return [details for kind, details in self.heard if kind is event][-1]

    def _hear(self, event: ProviderEvent, details: EventDetails) -> None:
        if details.provider_name != "soasap":
            return  # OpenFeature's own, which does nothing, is ready from the start
        self.threads.add(threading.current_thread().name)
        self.heard.append((event, details))
