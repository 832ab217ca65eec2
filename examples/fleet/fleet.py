"""
One upstream stream for a whole fleet, shown: relays that share a Redis, and what happens when something dies.

    python examples/fleet/fleet.py

Needs `pip install "soasap[server,relay]" "gunicorn[gevent]"` and Redis (`apt-get install redis-server`). Starts
everything as processes on loopback, takes less than a minute, and ends by itself: status 0 if all held.
"""

import shutil
import signal
import sys
import time
from contextlib import ExitStack

from program import DidNotHold, await_
from rich.console import Console
from rich.live import Live
from rich.table import Table
from stage import RELAYS, Stage

CHANGES = 5


class Screen:
    """A live table in a terminal; elsewhere a line for each event."""

    def __init__(self):
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None

    def __enter__(self):
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live is not None:
            self._live.stop()

    def say(self, stage, text):
        """What happens, above the table of who serves whom."""
        self._console.print(text, soft_wrap=True)
        if self._live is not None:
            self._live.update(table_of(stage), refresh=True)


def table_of(stage):
    """Who serves whom, now."""
    table = Table("relay", "role", "upstream", "serves", title=f"n = {stage.number}")
    for place in range(RELAYS):
        told = stage.health(place)
        readers = [f"{who}: {stage.values[who]}" for who, via in sorted(stage.via.items()) if via == stage.urls[place]]
        table.add_row(str(place + 1), told.get("role", "dead"), told.get("state", ""), ", ".join(readers))
    table.caption = f"upstream streams: {stage.upstream_streams()}"
    return table


def tell(stage, screen):
    """The story; the seconds of its steps. Raises `DidNotHold`."""
    await_(stage.leader_and_one_stream, "one leader with the only upstream stream", 15)
    screen.say(
        stage, f"Relay {stage.leader() + 1} leads, with the only upstream stream for {len(stage.values)} readers."
    )
    delays = []
    for _ in range(CHANGES):
        delays.append(stage.change())
        screen.say(stage, f"n = {stage.number}: every reader had it after {delays[-1] * 1000:.0f} ms.")

    leader = stage.leader()
    stage.kill_relay(leader)
    begun = time.monotonic()
    screen.say(stage, f"Relay {leader + 1}, the leader, is killed with -9, and started again on its port.")
    stage.start_relay(leader)
    await_(lambda: stage.leader() is not None, "a new leader", 15)
    elected = time.monotonic() - begun
    stage.change()
    screen.say(
        stage, f"Relay {stage.leader() + 1} leads, {elected:.1f} s after the kill; n = {stage.number} everywhere."
    )

    await_(stage.leader_and_one_stream, "one leader with the only upstream stream", 15)
    stage.redis.kill()
    alone = stage.change()
    await_(lambda: stage.upstream_streams() == RELAYS, "relays that stream for themselves", 15)
    screen.say(
        stage, f"Redis is killed. Each relay streams for itself; n = {stage.number} after {alone * 1000:.0f} ms."
    )
    stage.start_redis()
    await_(stage.leader_and_one_stream, "one leader with the only upstream stream", 20)
    stage.change()
    screen.say(stage, f"Redis is back, empty. Relay {stage.leader() + 1} leads; n = {stage.number} everywhere.")

    if stage.steps_back:
        raise DidNotHold(f"an older value after a newer one at {', '.join(stage.steps_back)}")
    if stage.answer() != stage.number:
        raise DidNotHold(f"the application answers with {stage.answer()}, not {stage.number}")
    return sorted(delays)[CHANGES // 2], elected


def main():
    redis_server = shutil.which("redis-server")
    if redis_server is None:
        print("fleet: redis-server is not installed: apt-get install redis-server", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack, Screen() as screen:
        try:
            stage = Stage(stack, redis_server)
            delay, elected = tell(stage, screen)
        except DidNotHold as exc:
            print(f"fleet: FAILED: {exc}")
            return 1
        readers, changes = len(stage.values), stage.number
    print(
        f"fleet: ok: {readers} readers saw {changes} changes and nothing older, {delay * 1000:.0f} ms after the write "
        f"(median); one upstream stream; a new leader {elected:.1f} s after the kill"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
