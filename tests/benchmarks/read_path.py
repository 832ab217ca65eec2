"""A read, against the smallest possible Python method, release 1.0.3 and the peers."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.benchmarks.figures import Comparison, Figure, Result, at_least, at_most, ratios
from tests.benchmarks.flag_sets import mixed_flags
from tests.benchmarks.harness import Harness
from tests.flagserver import ScriptedServer, hold_open

__all__ = ["measure"]

PEERS = ("GrowthBook", "ConfigCat", "LaunchDarkly", "OpenFeature", "Unleash")
OURS, RELEASE = "soasap", "soasap 1.0.3"

GETTERS = (
    ("get_bool", "get_bool", 1.15),
    ("get_string", "get_string", 1.15),
    ("get_int", "get_int", 1.15),
    ("get_number", "get_number", 1.40),
    ("get_number of an integer", "get_number", 1.40),
)
"""What is read, with which of the smallest methods it is compared, and the target."""


def measure(harness: Harness) -> Result:
    repetitions = 5 if harness.quick else 40
    payload = json.dumps(mixed_flags()).encode()
    with ScriptedServer(hold_open(payload)) as server, ScriptedServer(hold_open()) as silent:
        reads = partial(
            harness.ask,
            "reads_process",
            base_url=server.base_url,
            silent_url=silent.base_url,
            repetitions=repetitions,
        )
        contenders: dict[str, Callable[[], Any]] = {OURS: reads}
        if harness.peers:
            contenders[RELEASE] = partial(reads, python=harness.peers)
            for peer in PEERS:
                contenders[peer] = partial(
                    harness.ask,
                    "peers_process",
                    python=harness.peers,
                    peer=peer,
                    flags=len(mixed_flags()),
                    repetitions=repetitions,
                )
        found = harness.alternate(contenders)
    return _result(found)


def _result(found: dict[str, list[Any]]) -> Result:
    ours: dict[str, list[float]] = {name: [each[name] for each in found[OURS]] for name in found[OURS][0]}
    figures = [
        Figure(f"{_code(what)} / smallest method", ratios(ours[what], ours[f"smallest {method}"]), "×", at_most(most))
        for what, method, most in GETTERS
    ]
    figures += [
        Figure(
            f"`get_bool`, {case} / smallest method", ratios(ours[case], ours[f"smallest {other}"]), "×", at_most(1.25)
        )
        for case, other in (("missing key", "missing key"), ("before the first snapshot", "missing key"))
    ]
    comparison = {
        "soasap": ours["get_bool"],
        "smallest Python method": ours["smallest get_bool"],
        "`dict.get`": ours["dict.get"],
    }
    others = []
    if RELEASE in found:
        release = {name: [each[name] for each in found[RELEASE]] for name in found[RELEASE][0]}
        figures.append(
            Figure("`get_json` of 1.0.3 / ours", ratios(release["get_json"], ours["get_json"]), "×", at_least(6))
        )
        comparison[RELEASE] = release["get_bool"]
        others = [
            Comparison(_code(name), "ns", {OURS: ours[name], RELEASE: release[name]})
            for name in ("get_string", "get_number", "get_number of an integer", "get_json")
        ]
    comparison |= {peer: found[peer] for peer in PEERS if peer in found}
    return Result("Read path", figures, [Comparison("one boolean of 1,000 flags", "ns", comparison), *others])


def _code(what: str) -> str:
    """With the name of the method set as code."""
    method, space, rest = what.partition(" ")
    return f"`{method}`{space}{rest}"
