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

from program import DidNotHold, await_, broken_off
from rich.console import Console
from rich.live import Live
from rich.table import Table
from stage import RELAYS, Stage
from watch import Watch

CHANGES = 5
PAUSE = 1.0  # seconds, for whoever looks at the table, and for the watch


class Screen:
    """A live table in a terminal, below a line for each event; elsewhere the lines alone."""

    def __init__(self, stage, watch):
        self._console = Console(highlight=False)
        self._live = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=lambda: table_of(stage, watch))

    def __enter__(self):
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live is not None:
            self._live.stop()

    def say(self, text):
        """What happens."""
        self._console.print(text, soft_wrap=True)


def table_of(stage, watch):
    """Who serves whom, as last looked at."""
    table = Table("relay", "role", "upstream", "clients", "readers: n", title=f"n = {stage.number}")
    for place, told in enumerate(watch.relays):
        readers = [f"{who}: {stage.values[who]}" for who, via in sorted(stage.via.items()) if via == stage.urls[place]]
        cells = (told.get("role", "dead"), told.get("state", ""), str(told.get("clients", "")))
        table.add_row(str(place + 1), *cells, ", ".join(readers))
    table.caption = f"upstream streams: {'?' if watch.streams is None else watch.streams}"
    return table


def tell(stage, watch, screen):
    """The story; the seconds of its steps. Raises `DidNotHold`."""
    stage.settle(15)
    screen.say(f"Relay {stage.leader() + 1} leads, with the only upstream stream for {len(stage.values)} readers.")
    delays = []
    for _ in range(CHANGES):
        delays.append(stage.change())
        screen.say(f"n = {stage.number}: every reader had it after {delays[-1] * 1000:.0f} ms.")
        time.sleep(PAUSE)

    leader = stage.leader()
    stage.kill_relay(leader)
    begun = time.monotonic()
    screen.say(f"Relay {leader + 1}, the leader, is killed with -9, and started again on its port.")
    stage.start_relay(leader)
    await_(lambda: stage.leader() is not None, "a new leader", 15)
    elected = time.monotonic() - begun
    stage.change()
    screen.say(f"Relay {stage.leader() + 1} leads, {elected:.1f} s after the kill; n = {stage.number} everywhere.")

    stage.settle(15)
    time.sleep(PAUSE)
    stage.kill_redis()
    alone = stage.change()
    await_(lambda: stage.upstream_streams() == RELAYS, "relays that stream for themselves", 15)
    screen.say(f"Redis is killed. Each relay streams for itself; n = {stage.number} after {alone * 1000:.0f} ms.")
    stage.start_redis()
    stage.settle(20)
    stage.change()
    screen.say(f"Redis is back, empty. Relay {stage.leader() + 1} leads; n = {stage.number} everywhere.")
    time.sleep(PAUSE)

    if watch.most > 1:
        raise DidNotHold(f"{watch.most} upstream streams at once, and nothing was broken")
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
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: broken_off.append(number))
    try:
        with ExitStack() as stack:
            stage = Stage(stack, redis_server)
            watch = Watch(stage)
            stack.callback(watch.stop)
            with Screen(stage, watch) as screen:
                delay, elected = tell(stage, watch, screen)
            readers, changes = len(stage.values), stage.number
    except KeyboardInterrupt:
        print("fleet: broken off", file=sys.stderr)
        return 128 + broken_off[0]
    except (DidNotHold, OSError) as exc:
        print(f"fleet: FAILED: {exc}")
        return 1
    print(
        f"fleet: ok: {readers} readers saw {changes} changes and nothing older, {delay * 1000:.0f} ms after the write "
        f"(median); one upstream stream; a new leader {elected:.1f} s after the kill"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
