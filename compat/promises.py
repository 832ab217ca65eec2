"""
What soasap promises of every deployment, each promise once.

A promise is a function of a `Rig`; it raises `AssertionError` where the promise is not kept and may give a few words
for its cell of the table. Its docstring is the promise, in one sentence, and goes into the table's legend. They are run
in the order below, on one deployment that goes on running, and each brings about itself what it starts from. The order
costs least time: where clients have to wait before they connect again, something comes next that does not need them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from compat.deployment import Variant
from compat.promise import PROMISES, Promise, promise
from compat.rig import Rig
from compat.waiting import eventually

__all__ = ["PROMISES", "START_TO_END", "Promise", "cells"]

START_TO_END = (
    "answers_from_disk",
    "own_requests_work",
    "sees_a_change_within_a_second",
    "holds_one_stream",
    "reloaded_workers_are_live",
    "respawned_worker_is_live",
    "respawned_worker_has_the_last_value",
    "stops_as_fast",
    "last_snapshot_is_on_disk",
    "log_is_quiet",
)
"""What may turn out otherwise in a variant whose workers only start, or end, in another way."""

STOP_MARGIN = 1.5
"""Seconds a deployment may take longer to stop than its twin: Gunicorn's green workers look once a second."""

MORE_STOPS = 2
"""Whoever seems slower may try so often again: Celery's green workers look every two seconds, whatever we do."""

LONGEST_GAP = 0.25
"""Seconds that 1 ms may take."""

LOOKS = 3
"""A stall of ours comes back every time; one look in many is spoiled by a machine that has other things to do."""


def cells(variants: Sequence[Variant]) -> list[Any]:
    """A pair of variant and promise for each test, in an order that starts each deployment once."""
    return [
        pytest.param(variant, promise, id=f"{variant.name.replace(' ', '_')}-{promise.name}")
        for variant in variants
        for promise in PROMISES
        if (promise.name in variant.only or not variant.only) and promise.applies(variant)
    ]


def _has_lazy_client(variant: Variant) -> bool:
    """For checks that need no repetition with `preload=True`."""
    return variant.facts.client == "lazy"


def _is_green_and_lazy(variant: Variant) -> bool:
    return variant.facts.green and _has_lazy_client(variant)


@promise("from disk")
def answers_from_disk(rig: Rig) -> None:
    """Requests are answered from disk when the flag server is down at the start."""
    value = rig.start_from_disk()
    rig.flags.change()  # nobody can know of it

    answers = rig.deployment.ask_every(rig.facts.workers)

    assert {"disk"} == {answer["source"] for answer in answers.values()}
    assert {value} == {answer["value"] for answer in answers.values()}


@promise("own HTTPS")
def own_requests_work(rig: Rig) -> str | None:
    """The application's own HTTPS requests, by urllib3 and requests, turn out in every worker as without soasap."""
    arguments: dict[str, Any] = {"url": rig.https.url, "ca": str(rig.certificate.authority)}

    deployment = rig.deployment
    rig.flags.up()

    answers = deployment.ask_every(rig.facts.workers, "https", **arguments)
    without = rig.twin.ask_every(rig.facts.workers, "https", **arguments)

    expected = {(answer["urllib3"], answer["requests"]) for answer in without.values()}
    assert expected == {(answer["urllib3"], answer["requests"]) for answer in answers.values()}
    return None if expected == {("hello", "hello")} else f"as without: {sorted(expected)}"


@promise("change")
def sees_a_change_within_a_second(rig: Rig) -> str:
    """Every worker that reads has a change within 1 s of the server's writing it; the cell says how late at most."""
    rig.expect_one_stream_each()
    value = rig.publish()

    answers = rig.deployment.ask_every(rig.facts.workers, accept=lambda answer: answer["value"] == value, timeout=10)
    streams = rig.expect_one_stream_each()
    late = max(answer["received_at"] - streams[pid].last_sent for pid, answer in answers.items())

    assert late < 1.0
    return f"{late * 1000:.0f} ms"


@promise("one stream")
def holds_one_stream(rig: Rig) -> None:
    """Each living process that has read holds exactly one stream, the others none, and no two the same connection."""
    rig.expect_one_stream_each()


def _child_leaves_its_parent_alone(rig: Rig, how: str) -> None:
    streams = rig.expect_one_stream_each()
    before = rig.live()
    open_streams = {stream.port for stream in rig.flags.streams()}
    release = rig.directory / f"release-{time.monotonic_ns()}"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(rig.deployment.ask, "child", 90.0, how=how, release=str(release))
        try:
            rig.flags.wait_for_streams(len(open_streams) + 1)
            for _ in range(10):
                value = rig.publish()
            of_child = [stream.sent for stream in rig.flags.streams() if stream.port not in open_streams]
        finally:
            release.with_suffix(".new").write_text(str(rig.flags.value), "ascii")
            os.replace(release.with_suffix(".new"), release)
        child = asked.result()["child"]

    assert child is not None
    assert (value, "live", 1, 0) == (child["value"], child["state"], child["connects"], child["errors"])
    assert of_child == [child["events"]]
    after = rig.live()
    now = rig.expect_one_stream_each()
    assert {pid: stream.port for pid, stream in streams.items()} == {pid: stream.port for pid, stream in now.items()}
    for pid, stream in now.items():
        assert before[pid]["errors"] == after[pid]["errors"], after[pid]["last_error"]
        assert stream.sent - streams[pid].sent == after[pid]["events"] - before[pid]["events"]


@promise("fork", lambda variant: "fork" in variant.facts.children)
def forked_child_leaves_its_parent_alone(rig: Rig) -> None:
    """A forked child has a stream of its own, and neither it nor its parent misses an event or sees an error."""
    _child_leaves_its_parent_alone(rig, "fork")


@promise("multiprocessing", lambda variant: "multiprocessing" in variant.facts.children)
def child_of_multiprocessing_leaves_its_parent_alone(rig: Rig) -> None:
    """The same for a child that `multiprocessing` forks."""
    _child_leaves_its_parent_alone(rig, "multiprocessing")


@promise("subprocess", lambda variant: "subprocess" in variant.facts.children)
def other_program_leaves_its_parent_alone(rig: Rig) -> None:
    """The same for another program that `subprocess` starts and that makes a client of its own."""
    _child_leaves_its_parent_alone(rig, "subprocess")


def _ticker(rig: Rig, disturb: Callable[[Callable[[], bool]], None], seconds: float = 1.0, **arguments: object) -> str:
    def look(attempt: int) -> tuple[float, float]:
        rig.live()
        return rig.tick(disturb, seconds, **arguments)

    return _judge_ticks(look)


def _judge_ticks(look: Callable[[int], tuple[float, float]]) -> str:
    """The longest sleep of 1 ms here and in the twin at the same time, in milliseconds: what `look` found."""
    for attempt in range(LOOKS):
        ours, without = look(attempt)
        if ours < LONGEST_GAP:
            break

    assert ours < LONGEST_GAP, f"{ours:g} s, and {without:g} s without"
    return f"{ours * 1000:.0f} / {without * 1000:.0f}"


@promise("idle", _is_green_and_lazy, "ticker")
def ticks_while_idle(rig: Rig) -> str:
    """Nothing arrives but the server's signs of life."""
    return _ticker(rig, lambda running: None)


@promise("streaming", _is_green_and_lazy, "ticker")
def ticks_while_streaming(rig: Rig) -> str:
    """Small changes, one after the other."""

    def disturb(running: Callable[[], bool]) -> None:
        while running():
            rig.publish()

    return _ticker(rig, disturb)


@promise("flooded", _is_green_and_lazy, "ticker")
def ticks_while_flooded(rig: Rig) -> str:
    """Changes of 200 kB as fast as they can be written."""

    def disturb(running: Callable[[], bool]) -> None:
        while running():
            rig.flags.change(200_000)

    return _ticker(rig, disturb)


@promise("writing to disk", _is_green_and_lazy, "ticker")
def ticks_while_writing(rig: Rig) -> str:
    """Changes of 1 MB, written to disk every 2.5 s."""

    def disturb(running: Callable[[], bool]) -> None:
        while running():
            rig.publish(1_000_000)

    return _ticker(rig, disturb, seconds=3.0)


@promise("closing", _is_green_and_lazy, "ticker")
def ticks_while_closing(rig: Rig) -> str:
    """Three more clients, one after the other, start, become ready and are closed."""
    return _ticker(rig, lambda running: None, closing="yes")


@promise("reconnecting", _is_green_and_lazy, "ticker")
def ticks_while_reconnecting(rig: Rig) -> str:
    """The flag server crashes and comes back."""

    def look(attempt: int) -> tuple[float, float]:
        ticks = rig.restart(again=attempt > 0).ticks
        assert ticks is not None
        return ticks

    return _judge_ticks(look)


@promise("server restart", _has_lazy_client)
def survives_a_restart_of_the_server(rig: Rig) -> str:
    """The flag server may crash and come back with news; the cell says when the last worker had them."""
    seconds = rig.restart().seconds
    rig.expect_one_stream_each()
    return f"{seconds:.1f} s"


@promise("reload", lambda variant: variant.facts.renews)
def reloaded_workers_are_live(rig: Rig) -> None:
    """Workers that replace others, on SIGHUP or after so many requests, are live and have one stream each."""
    rig.flags.up()
    before = set(rig.deployment.ask_every(rig.facts.workers))
    value = rig.publish()
    rig.deployment.renew()
    rig.wait_for_other_workers(before, len(before))

    after = rig.live()
    rig.expect_one_stream_each()

    assert {value} == {answer["value"] for answer in after.values()}


@promise("respawn", lambda variant: variant.facts.respawns)
def respawned_worker_is_live(rig: Rig) -> None:
    """A worker respawned after kill -9 has a stream of its own, and its siblings and master keep theirs."""
    before = rig.expect_one_stream_each()
    victim = max(before)
    os.kill(victim, signal.SIGKILL)
    rig.wait_for_other_workers({victim}, 1)

    after = rig.expect_one_stream_each()

    assert {before[pid].port for pid in before if pid != victim} <= {stream.port for stream in after.values()}


@promise("respawn, server down", lambda variant: variant.facts.respawns)
def respawned_worker_has_the_last_value(rig: Rig) -> None:
    """A worker respawned while the flag server is down serves the last value, not its master's old one."""
    workers = set(rig.live())
    value = rig.publish()
    rig.live()
    eventually(lambda: rig.saved() == value, "the value on disk", 10)
    rig.flags.down()
    try:
        victim = min(workers)
        os.kill(victim, signal.SIGKILL)
        rig.wait_for_other_workers({victim}, 1)

        answers = rig.deployment.ask_every(rig.facts.workers)
        assert victim not in answers
        assert {value} == {answer["value"] for answer in answers.values()}
    finally:
        rig.flags.up()


@promise("plain HTTP", _has_lazy_client)
def plain_http_as_well(rig: Rig) -> str:
    """Without TLS, too: one stream each, and a change within 1 s."""
    plain = rig.plain()
    try:
        plain.start_live()
        return sees_a_change_within_a_second(plain)
    finally:
        plain.close()


@promise("stop")
def stops_as_fast(rig: Rig) -> str:
    """It stops as fast as without soasap, and nothing is left; the cell has the seconds with and without."""
    rig.live()
    ending = rig.end()
    assert set() == ending.left

    ours, without = ending.seconds, ending.twin_seconds
    for _ in range(MORE_STOPS):
        if ours < without + STOP_MARGIN:
            break
        one, other = rig.time_another_end()
        ours, without = min(ours, one), min(without, other)

    assert ours < without + STOP_MARGIN, f"{ours:.1f} s, and {without:.1f} s without"
    return f"{ours:.1f} / {without:.1f} s"


@promise("saved")
def last_snapshot_is_on_disk(rig: Rig) -> str | None:
    """After a graceful stop the last snapshot is on disk; where no exit handlers run, if it came 2.5 s before."""
    ending = rig.end()

    assert ending.expected == ending.saved
    return None if rig.facts.flushes_at_end else "2.5 s"


@promise("quiet")
def log_is_quiet(rig: Rig) -> None:
    """Nothing of all this leaves a traceback in the deployment's log."""
    rig.end()

    assert "Traceback" not in rig.deployment.text_of_log()
