"""Certificates on disk, and an eye on descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.waiting import open_descriptors, wait_until


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate of the authority, as a PEM file."""
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def nothing_left(ca_file: str) -> Iterator[None]:
    """Whoever uses this leaves no descriptor behind, not even for the garbage collector."""
    before = open_descriptors()
    yield
    wait_until(lambda: open_descriptors().keys() <= before.keys(), 2.0, f"only {before} to stay open")
