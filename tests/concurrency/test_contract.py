"""Every backend keeps every promise, in every way a process can be patched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeAlias

import pytest
import trustme

from tests.concurrency.contract import PROMISES
from tests.concurrency.processes import run_program
from tests.concurrency.service import FlagService
from tests.concurrency.worlds import CASES, Case

Outcomes: TypeAlias = dict[str, dict[str, Any]]
"""By promise: what the program printed about it. `""` has what it printed on standard error."""

AT_ONCE = 2
"""Programs that run side by side; they wait most of the time, and compare their clocks with themselves."""

KEPT = [
    pytest.param(case, sentence, id=f"{case}: {sentence}")
    for case in CASES
    for sentence, (_, backends) in PROMISES.items()
    if case.backend in backends
]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Outcomes]]:
    """The outcomes of a case. One program per case keeps all promises that were asked for, a little ahead of us."""
    wanted: dict[Case, list[str]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.function is test_backend_keeps_promise:
            parameters: Mapping[str, Any] = item.callspec.params
            wanted.setdefault(parameters["case"], []).append(parameters["sentence"])
    with FlagService(ca, tmp_path_factory.mktemp("service")) as service, ThreadPoolExecutor(AT_ONCE) as pool:

        def run(case: Case, sentences: list[str]) -> Outcomes:
            folder = tmp_path_factory.mktemp("case")
            ordered = {"case": asdict(case), "addresses": service.addresses(), "folder": str(folder)}
            ended = run_program("contract", {**ordered, "only": sentences}, timeout=400.0)
            found: Outcomes = {"": {"stderr": ended.stderr}}
            for line in ended.stdout.splitlines():
                outcome = json.loads(line)
                found[outcome["promise"]] = outcome
            return found

        running: dict[Case, Future[Outcomes]] = {
            case: pool.submit(run, case, sentences) for case, sentences in wanted.items()
        }
        yield lambda case: running[case].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("case", "sentence"), KEPT)
def test_backend_keeps_promise(
    case: Case,
    sentence: str,
    outcomes: Callable[[Case], Outcomes],
    record_property: Callable[[str, object], None],
) -> None:
    """The promise is kept in a process of this kind."""
    found = outcomes(case)

    assert sentence in found, f"the program ended before it: {found['']['stderr']}"
    outcome = found[sentence]
    record_property("figures", outcome["figures"])
    assert "" == outcome["failure"], outcome["failure"] + found[""]["stderr"]
