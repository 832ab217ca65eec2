"""
`soasap demo`: the promises of the client, shown in less than half a minute.

The story: a server on a sample file and a client on it; flags change and the reads follow; the server is killed and
a new client starts warm from the disk; the server returns and the client finds it. With `--gunicorn` another one: the
client is made in Gunicorn's master, before gevent patches its workers, and each of them is live. Whatever does not hold
is said, and the exit status is 1.
"""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from soasap._devserver.demo_screen import Screen
from soasap._devserver.demo_stage import DidNotHold, Stage
from soasap._devserver.demo_story import Story
from soasap._devserver.demo_workers import WorkersStory, require_gunicorn

__all__ = ["run_demo"]


def run_demo(*, keep: bool = False, gunicorn: bool = False) -> int:
    """
    Tell a story on stdout.

    Args:
        keep: Stay afterwards, until Ctrl-C or SIGTERM, and show what an editor does to the flag file.
        gunicorn: Tell that of the workers, which then is the whole of it.

    Returns:
        The exit status: 0, or 1 if something did not hold.

    Raises:
        ModuleNotFoundError: Gunicorn is wanted and not installed.
    """
    if gunicorn:
        require_gunicorn()
    # The outages are meant; without a handler of their own, logged warnings would go to stderr.
    logging.getLogger("soasap").addHandler(logging.NullHandler())
    screen = Screen()
    with _interruptible() as shield, ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="soasap-demo-"))
        try:
            stage = Stage(Path(directory), stack)
            if gunicorn:
                WorkersStory(stage, screen).tell()
            else:
                story = Story(stage, screen)
                story.tell()
                if keep:
                    story.stay()
        except DidNotHold as exc:
            screen.summary(f"soasap demo: FAILED: {exc}")
            return 1
        finally:
            shield()
    return 0


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """
    Let SIGTERM end the demo as Ctrl-C does.

    Gives a function that ignores both from then on, so that nothing cuts the cleaning up short.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def shield() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    def interrupt(number: int, frame: FrameType | None) -> None:
        shield()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield shield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
