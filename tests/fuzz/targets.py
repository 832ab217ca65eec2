"""
What is fuzzed: functions of bytes that return, or raise `AssertionError`.

`tests.fuzz.fuzz` calls them with inputs that a coverage-guided fuzzer invents, `test_corpus` with those it kept.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.decoder_target import check_decoder
from tests.fuzz.payload_target import check_payload

__all__ = ["TARGETS"]

TARGETS: dict[str, Callable[[bytes], None]] = {"decoder": check_decoder, "payload": check_payload}
"""By the name of their folder in the corpus."""
