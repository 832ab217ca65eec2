"""The example of a backend that is not ours: used like one of ours, in forked children too. See `test_contract.py`."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import trustme

from soasap import create_soasap_client
from tests.concurrency import third_party
from tests.concurrency.forking import UNDISTURBED, counting, expect_undisturbed, run_forking
from tests.concurrency.third_party import CountedSocket, CountingBackend
from tests.flagserver import ScriptedServer, hold_open


def test_example_knows_public_seams_only() -> None:
    """The example imports from soasap what the documentation of the protocol names, and nothing else."""
    tree = ast.parse(Path(third_party.__file__).read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}

    assert {"soasap.concurrency", "soasap.concurrency.ready_context", "soasap.protocols"} == {
        module for module in imported if module.startswith("soasap")
    }


def test_connections_are_made_by_its_sockets() -> None:
    """What the backend makes is what is used: each connection is one of its sockets, and its name is shown."""
    before = CountedSocket.made
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as server,
        create_soasap_client(api_key="key", base_url=server.base_url, cache=None, backend=CountingBackend) as client,
    ):
        assert client.wait_ready(20)
        status = client.status()

        assert ("counting threads", 1, 1) == (status.backend, status.connects, CountedSocket.made - before)


def test_child_streams_and_parent_misses_nothing(ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """A forked child makes a backend of its own, and streams; its parent is not disturbed."""
    with ScriptedServer(counting, tls=ca) as server:
        output = run_forking(
            "threads",
            """
from tests.concurrency.third_party import CountingBackend
world, backend = "counting threads", CountingBackend
"""
            + expect_undisturbed("for _ in range(3): join(fork(close_alone))"),
            server.base_url,
            tmp_path / "cache",
            ca_file,
        )

        assert UNDISTURBED == json.loads(output)
        assert 4 == len(server.connections)
