"""Certificates and rigs for the deployments, and the plugin that writes the table."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trustme

from compat.deployment import Variant
from compat.environments import environment
from compat.flag_service import Certificate
from compat.https_service import HttpsService
from compat.promises import Promise
from compat.rig import Rig
from compat.table import Row, write_tables

# Some shells start what runs in the background with Ctrl-C ignored, and then every process of a test ignores it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

README = Path(__file__).with_name("README.md")
Keep: TypeAlias = Callable[[Rig, Promise], None]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For localhost, from an authority that no system trusts."""
    directory = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "authority.pem")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(directory / "chain.pem")
    return Certificate(directory / "chain.pem", directory / "authority.pem")


@pytest.fixture(scope="session")
def https(certificate: Certificate) -> Iterator[HttpsService]:
    """A server for requests of the application's own."""
    with HttpsService(certificate) as service:
        yield service


class Rigs:
    """Keeps one rig at a time: for as long as tests of the same variant follow one another."""

    def __init__(self, factory: pytest.TempPathFactory, certificate: Certificate, https: HttpsService) -> None:
        self._factory = factory
        self._certificate = certificate
        self._https = https
        self._current: Rig | None = None

    def of(self, variant: Variant) -> Rig:
        if self._current is None or self._current.variant is not variant:
            self.close()
            directory = self._factory.mktemp(re.sub(r"\W+", "-", variant.name))
            self._current = Rig(variant, directory, self._certificate, self._https)
        return self._current

    def close(self) -> None:
        rig, self._current = self._current, None
        if rig is not None:
            rig.close()


@pytest.fixture(scope="session")
def rigs(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate, https: HttpsService) -> Iterator[Rigs]:
    """Where the rig of a variant comes from."""
    rigs = Rigs(tmp_path_factory, certificate, https)
    yield rigs
    rigs.close()


@pytest.fixture
def rig(variant: Variant, rigs: Rigs) -> Rig:
    """A rig for the variant that the test is parametrised with."""
    return rigs.of(variant)


@pytest.fixture
def keep(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Keep:
    """Checks one promise; one that the variant is known not to keep, for a reason, is an expected failure."""

    def check(rig: Rig, promise: Promise) -> None:
        reason = rig.facts.shortfalls.get(promise.name)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
        note = promise.check(rig)
        record_property("note", note or "")

    return check


# --- the table


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", action="store_true", help="write the results into compat/README.md")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-table"):
        config.pluginmanager.register(_TableWriter(), "compat table")


class _TableWriter:
    """Collects what each deployment shows, and writes it at the end."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._variants: dict[str, Variant] = {}
        self._expected: dict[str, int] = {}
        self._complete = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for item in items:
            if (cell := _cell(item)) is not None:
                self._expected[cell[0].name] = self._expected.get(cell[0].name, 0) + 1
                self._variants[cell[0].name] = cell[0]
        selects = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("deselect")
        folders = {config.rootpath / "compat"}
        self._complete = not selects and {Path(config.invocation_params.dir, one) for one in config.args} <= folders

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        cell = _cell(item)
        if cell is not None and (report.when == "call" or report.failed):
            self._note(*cell, report)
        return report

    def _note(self, variant: Variant, promise: Promise, report: pytest.TestReport) -> None:
        row = self._rows.get(variant.name)
        if row is None:
            versions = environment(variant.family).versions
            row = self._rows[variant.name] = Row(versions, self._expected[variant.name])
        if report.passed:
            note = dict(report.user_properties).get("note")
            row.cells[promise.name] = str(note) if promise.table == "ticker" else f"✓ {note}".strip()
        elif report.skipped and hasattr(report, "wasxfail"):
            row.cells[promise.name] = "✗"
            row.reasons[promise.name] = report.wasxfail.removeprefix("reason: ")
        elif report.failed:
            row.cells[promise.name] = "✗"
            row.reasons[promise.name] = "unexpected; see the run"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._rows and not session.shouldfail and not session.shouldstop:
            write_tables(README, self._rows, list(self._expected), complete=self._complete)


def _cell(item: pytest.Item) -> tuple[Variant, Promise] | None:
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    variant, promise = parameters.get("variant"), parameters.get("promise")
    return (variant, promise) if isinstance(variant, Variant) and isinstance(promise, Promise) else None
