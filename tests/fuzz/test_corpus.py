"""What the fuzzer kept, on every run: each input takes another way through the decoder or the parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(path for target in TARGETS for path in (CORPUS / target).iterdir())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_input(path: Path) -> None:
    """What must hold for every input holds for this one."""
    TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_small() -> None:
    """Each target has inputs: tens of them and not thousands, and short ones."""
    for target in TARGETS:
        mine = [path for path in INPUTS if path.parent.name == target]

        assert 10 <= len(mine) <= 60
        assert max(path.stat().st_size for path in mine) <= 2048
