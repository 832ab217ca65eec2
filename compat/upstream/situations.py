"""
Where release 1.0.3 and ours behave differently, and why ours is better. Each row is run with both.

What is written for 1.0.3 runs with ours: `test_signatures.py` shows that. This table is about the same calls in the
same situations. Seconds are rounded to yes or no; the limits are far from either side. Where chunks do not matter the
server sends none, so that 1.0.3 sees more than one event.
"""

from __future__ import annotations

import time

from compat.upstream.sides import Situation
from tests.flagserver import Connection

__all__ = ["SITUATIONS"]

MEGABYTE = 1 << 20
SEEN = b":" + b" " * 8192 + b"\n\n"
"""A comment that pushes what came before it through the 4 kB that 1.0.3 waits for where nothing is chunked."""


# --- What servers say.


def second(connection: Connection, index: int) -> None:
    """An event, and soon after another one, in chunks as nearly every server sends them."""
    connection.head()
    connection.flags({"n": 1})
    time.sleep(0.5)
    connection.flags({"n": 2})
    connection.hang()


def quiet_chunked(connection: Connection, index: int) -> None:
    """An event that tells the number of the connection, then quiet."""
    connection.head()
    connection.flags({"n": index})
    connection.hang()


def quiet(connection: Connection, index: int) -> None:
    """A small event, then quiet, as flags mostly are; the body ends with the connection."""
    connection.head(framing="close")
    connection.flags({"n": 1})
    connection.hang()


def seen(connection: Connection, index: int) -> None:
    """An event that both sides see at once."""
    connection.head(framing="close")
    connection.flags({"n": 1})
    connection.chunk(SEEN)
    connection.hang()


def silent(connection: Connection, index: int) -> None:
    connection.hang()


def changes(connection: Connection, index: int) -> None:
    """Twenty changes, 50 ms apart."""
    connection.head(framing="close")
    for n in range(20):
        connection.flags({"n": n})
        connection.chunk(SEEN)
        time.sleep(0.05)
    connection.hang()


def numbered(connection: Connection, index: int) -> None:
    """Each connection has its number."""
    connection.head(framing="close")
    connection.flags({"n": index})
    connection.chunk(SEEN)
    connection.hang()


def trouble_first(connection: Connection, index: int) -> None:
    if index == 0:
        connection.answer(500)
    else:
        seen(connection, index)


def garbage_first(connection: Connection, index: int) -> None:
    connection.head(framing="close")
    connection.event(b"not json")
    connection.chunk(SEEN)
    connection.flags({"n": 1})
    connection.chunk(SEEN)
    connection.hang()


def garbage(connection: Connection, index: int) -> None:
    connection.head(framing="close")
    for _ in range(30):
        connection.event(b"not json")
    connection.chunk(SEEN)
    connection.hang()


def refusing(connection: Connection, index: int) -> None:
    connection.answer(401)


def busy(connection: Connection, index: int) -> None:
    if index == 0:
        connection.answer(503, headers={"Retry-After": "5"})
    else:
        seen(connection, index)


def moved(connection: Connection, index: int) -> None:
    if connection.request.target.endswith("/elsewhere"):
        seen(connection, index)
    else:
        connection.answer(307, headers={"Location": "/elsewhere"})


def moved_away(connection: Connection, index: int) -> None:
    connection.answer(307, headers={"Location": "http://127.0.0.1:9/api/v1/flags/live"})


def portal(connection: Connection, index: int) -> None:
    """A page for people, with a line in it like an event's."""
    connection.answer(200, b'<html>\ndata: {"n": 5}\n\n</html>', headers={"Content-Type": "text/html"})


def ending(connection: Connection, index: int) -> None:
    """Works, and ends at once."""
    connection.head(framing="close")
    connection.flags({"n": index})
    connection.end()


def huge(connection: Connection, index: int) -> None:
    """An event of 6 MB, then a small one."""
    if index:
        connection.hang()
        return
    connection.head(framing="close")
    for _ in range(6):
        connection.chunk(b"data: " + b" " * MEGABYTE + b"\n")
    connection.chunk(b"\n")
    connection.flags({"n": 1})
    connection.chunk(SEEN)
    connection.hang()


def two_lines(connection: Connection, index: int) -> None:
    """An event of two lines of data, which the standard joins with a line feed: here that is no JSON."""
    connection.head(framing="close")
    connection.chunk(b'data: {"n": 1\ndata: 2}\n\n' + SEEN)
    connection.hang()


def carriage_returns(connection: Connection, index: int) -> None:
    connection.head(framing="close")
    connection.chunk(b'data: {"n": 1}\r\r' + SEEN)
    connection.hang()


def characters(connection: Connection, index: int) -> None:
    """Characters of two bytes, so that a cut at 4,096 falls into one."""
    connection.head(framing="close")
    connection.chunk(b'data: {"n": 1, "text": "' + "ü".encode() * 8000 + b'"}\n\n')
    connection.chunk(b'data: {"n": 1,  "text": "' + "ü".encode() * 8000 + b'"}\n\n' + SEEN)
    connection.hang()


def echo(connection: Connection, index: int) -> None:
    """Tells what the request brought along."""
    connection.head(framing="close")
    connection.flags({"n": 1, "evil": "x-evil" in connection.request.headers})
    connection.chunk(SEEN)
    connection.hang()


# --- The table.

SITUATIONS = [
    Situation(
        "a second event on a chunked stream",
        second,
        """
        flags = make()
        flags.get_number("n")
        tell(within(6, lambda: flags.get_number("n") == 2))
        """,
        theirs=[False],
        ours=[True],
        why="1.0.3 takes the end of a chunk for the end of the stream.",
    ),
    Situation(
        "five quiet seconds of a chunked stream",
        quiet_chunked,
        """
        flags = make()
        flags.get_number("n", -1)
        tell(within(5, lambda: flags.get_number("n", -1) == 2))
        """,
        theirs=[True],
        ours=[False],
        why="So it connects anew, every second, for ever.",
    ),
    Situation(
        "a small event, then quiet, not chunked",
        quiet,
        """
        flags = make()
        flags.get_number("n")
        tell(within(3, lambda: flags.get_number("n") == 1))
        """,
        theirs=[False],
        ours=[True],
        why="1.0.3 waits for 4 kB or the end of the stream: a change is seen when the next ones push it through.",
    ),
    Situation(
        "a character cut in two",
        characters,
        """
        flags = make()
        flags.get_number("n")
        within(10, lambda: flags.get_number("n") == 1)
        time.sleep(0.5)
        tell(flags.get_string("text") == "ü" * 8000)
        """,
        theirs=[False],
        ours=[True],
        why="1.0.3 decodes piece by piece and damages a character that two pieces share.",
    ),
    Situation(
        "an event of two lines of data",
        two_lines,
        """
        flags = make()
        flags.get_number("n")
        within(3, lambda: flags.get_number("n") or errors)
        tell(flags.get_number("n"), kinds())
        """,
        theirs=[12, []],
        ours=[0, [["parser", False]]],
        why="The standard joins lines with a line feed; without it two values become a third one.",
    ),
    Situation(
        "lines that end with CR",
        carriage_returns,
        """
        flags = make()
        flags.get_number("n")
        tell(within(3, lambda: flags.get_number("n") == 1))
        """,
        theirs=[False],
        ours=[True],
        why="The standard allows it.",
    ),
    Situation(
        "an event of 6 MB",
        huge,
        """
        flags = make()
        flags.get_number("n")
        within(60, lambda: errors)
        tell(within(3, lambda: flags.get_number("n") == 1), {source for source, _ in kinds()} == {"parser"})
        """,
        theirs=[False, True],
        ours=[True, True],
        why="1.0.3 gives the connection up, with all that follows; ours skips the event.",
    ),
    Situation(
        "a payload that is not JSON",
        garbage_first,
        """
        flags = make()
        flags.get_number("n")
        tell(within(5, lambda: flags.get_number("n") == 1), within(2, lambda: errors), kinds())
        """,
        theirs=[True, True, [["parser", False]]],
        ours=[True, True, [["parser", False]]],
        why="The same: reported, and the flags and the connection stay.",
    ),
    Situation(
        "thirty payloads that are not JSON",
        garbage,
        """
        flags = make()
        flags.get_number("n")
        within(3, lambda: len(errors) >= 30)
        tell(len(errors))
        """,
        theirs=[30],
        ours=[10],
        why="A service that sends garbage sends it all day: ten reports a minute, the rest counted in the next one.",
    ),
    Situation(
        "a page of HTML in place of the stream",
        portal,
        """
        flags = make()
        flags.get_number("n")
        within(3, lambda: flags.get_number("n") or errors)
        tell(flags.get_number("n"), kinds()[:1])
        """,
        theirs=[5, []],
        ours=[0, [["network", True]]],
        why="A captive portal or a login page must not set flags.",
    ),
    Situation(
        "a redirect within the origin",
        moved,
        """
        flags = make()
        flags.get_number("n")
        tell(within(3, lambda: flags.get_number("n") == 1))
        """,
        theirs=[False],
        ours=[True],
        why="Services move; the key stays with the origin it belongs to.",
    ),
    Situation(
        "a redirect to another origin",
        moved_away,
        """
        flags = make()
        flags.get_number("n")
        within(5, lambda: errors)
        tell(kinds()[0], "127.0.0.1:9" in str(errors[0].exception))
        """,
        theirs=[["network", True], False],
        ours=[["network", False], True],
        why="Neither follows. Ours says where it points, and that somebody has to act.",
    ),
    Situation(
        "a wrong key",
        refusing,
        """
        flags = make()
        flags.get_number("n")
        within(5, lambda: errors)
        tell(kinds()[0], "API key" in str(errors[0].exception))
        """,
        theirs=[["network", True], False],
        ours=[["network", False], True],
        why="Nothing that passes by itself. Ours says what to check, and after three times asks every five minutes, "
        "then every hour; 1.0.3 every 30 s for ever.",
    ),
    Situation(
        "503 with Retry-After: 5",
        busy,
        """
        flags = make()
        flags.get_number("n")
        within(20, lambda: errors)
        began = time.monotonic()
        tell(within(20, lambda: flags.get_number("n") == 1), time.monotonic() - began > 4.5)
        """,
        theirs=[True, False],
        ours=[True, True],
        why="A service that asks for time gets it.",
    ),
    Situation(
        "a server that ends each stream at once",
        ending,
        """
        flags = make()
        flags.get_number("n")
        within(14, lambda: flags.get_number("n") >= 9)
        tell(flags.get_number("n") >= 9)
        """,
        theirs=[True],
        ours=[False],
        why="1.0.3 knocks every second for ever, and all clients of a restarted server within 0.4 s of each other.",
    ),
    Situation(
        "an idle connection",
        seen,
        """
        flags = make()
        flags.get_number("n")
        within(5, lambda: flags.get_number("n") == 1)
        port = "%04X" % int(base_url.rpartition(":")[2])
        timers = [
            line.split()[5].partition(":")[0]
            for line in open("/proc/net/tcp").readlines()[1:]
            if line.split()[2].endswith(":" + port)
        ]
        tell(timers == ["02"])
        """,
        theirs=[False],
        ours=[True],
        why="1.0.3 waits without end and without probes: a path that died is never noticed. Ours probes it (timer 2 of "
        "the kernel's table), and gives up after five minutes of silence in any case.",
    ),
    Situation(
        "close() on a silent stream",
        seen,
        """
        flags = make()
        flags.get_number("n")
        within(5, lambda: flags.get_number("n") == 1)
        before = threading.active_count()
        tell(took(lambda: flags.close(timeout=2)) < 1, threading.active_count() == 1)
        """,
        theirs=[False, False],
        ours=[True, True],
        why="1.0.3 cannot wake its reader: close() takes its whole timeout, five seconds by default, and leaves a "
        "thread and a connection behind.",
    ),
    Situation(
        "close() while a request is not answered",
        silent,
        """
        flags = make()
        flags.get_number("n")
        time.sleep(0.5)
        tell(took(lambda: flags.close(timeout=2)) < 1, threading.active_count() == 1)
        """,
        theirs=[False, False],
        ours=[True, True],
        why="As above.",
    ),
    Situation(
        "close() between two attempts",
        refusing,
        """
        flags = make()
        flags.get_number("n")
        within(5, lambda: errors)
        tell(took(flags.close) < 1)
        """,
        theirs=[True],
        ours=[True],
        why="The same: prompt.",
    ),
    Situation(
        "on_error raises",
        trouble_first,
        """
        def fail(context):
            errors.append(context)
            raise LookupError
        flags = make(on_error=fail)
        flags.get_number("n")
        tell(within(6, lambda: flags.get_number("n") == 1), len(errors))
        """,
        theirs=[False, 1],
        ours=[True, 1],
        why="In 1.0.3 that ends the stream for good, silently.",
    ),
    Situation(
        "on_error blocks",
        garbage_first,
        """
        flags = make(on_error=lambda context: time.sleep(30))
        flags.get_number("n")
        tell(within(5, lambda: flags.get_number("n") == 1))
        """,
        theirs=[False],
        ours=[True],
        why="Handlers run on a task of their own.",
    ),
    Situation(
        "on_error closes the client",
        garbage_first,
        """
        done = []
        def close(context):
            try:
                done.append(took(flags.close) < 1)
            except RuntimeError as error:
                done.append(str(error))
        flags = make(on_error=close)
        flags.get_number("n")
        within(5, lambda: done)
        tell(done)
        """,
        theirs=[["cannot join current thread"]],
        ours=[[True]],
        why="Any method may be called from a handler.",
    ),
    Situation(
        "fork after the first read",
        numbered,
        """
        flags = make()
        flags.get_number("n", -1)
        within(5, lambda: flags.get_number("n", -1) == 0)
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, b"1" if within(5, lambda: flags.get_number("n", -1) == 1) else b"0")
            os._exit(0)
        tell(os.read(reader, 1) == b"1")
        """,
        theirs=[False],
        ours=[True],
        why="Threads do not survive a fork: in 1.0.3 the child reads its parent's flags for ever. Ours opens a stream "
        "of its own.",
    ),
    Situation(
        "threads before the first read",
        seen,
        """
        flags = make()
        tell(threading.active_count())
        """,
        theirs=[2],
        ours=[1],
        why="A client made in a master process must leave nothing that a fork would freeze.",
    ),
    Situation(
        "a key that cannot be hashed",
        silent,
        """
        put(b'{"n": 1}')
        flags = make()
        try:
            tell(flags.get_number(["n"], 7))
        except TypeError as error:
            tell(type(error).__name__)
        """,
        theirs=["TypeError"],
        ours=[7],
        why="Reads never raise.",
    ),
    Situation(
        "a number of 400 digits in the cache",
        silent,
        """
        put(b'{"n": ' + b"9" * 400 + b"}")
        flags = make()
        try:
            tell(flags.get_number("n", 7))
        except OverflowError as error:
            tell(type(error).__name__)
        """,
        theirs=["OverflowError"],
        ours=[7],
        why="Reads never raise.",
    ),
    Situation(
        "a cache file with a byte-order mark",
        silent,
        """
        put(b'\\xef\\xbb\\xbf{"n": 1}')
        flags = make()
        tell(flags.get_number("n"))
        """,
        theirs=[0],
        ours=[1],
        why="SDKs of other languages write one.",
    ),
    Situation(
        "a cache file of release 1.0.3",
        silent,
        """
        put(b'{"n": 1}')
        flags = make()
        tell(flags.get_number("n"))
        """,
        theirs=[1],
        ours=[1],
        why="The same: an upgrade starts warm.",
    ),
    Situation(
        "a cache file that is damaged",
        silent,
        """
        put(b'{"n": 1')
        flags = make()
        flags.get_number("n")
        within(2, lambda: errors)
        tell(flags.get_number("n"), kinds())
        """,
        theirs=[0, []],
        ours=[0, [["disk", False]]],
        why="Both start cold; ours says so.",
    ),
    Situation(
        "a pipe in place of the cache file",
        silent,
        """
        os.mkfifo(old_file())
        made = threading.Thread(target=make, daemon=True)
        made.start()
        made.join(3)
        tell(made.is_alive())
        """,
        theirs=[True],
        ours=[False],
        why="1.0.3 waits in its constructor for a writer, for ever.",
    ),
    Situation(
        "two keys with the same first eight digits of their hash",
        numbered,
        """
        first, second = "key-8337", "key-15029"
        assert old_file(first) == old_file(second)
        one = make(first)
        one.get_number("n")
        within(5, lambda: len(os.listdir(directory)) == 1)
        one.close()
        other = make(second)
        tell(other.get_number("n", -1))
        """,
        theirs=[0],
        ours=[-1],
        why="In 1.0.3 they share a file, and one environment starts with the flags of another.",
    ),
    Situation(
        "a link planted at the temporary name",
        seen,
        """
        with open("victim", "w") as file:
            file.write("mine")
        os.symlink(os.path.abspath("victim"), old_file() + ".tmp")
        flags = make()
        flags.get_number("n")
        within(5, lambda: flags.get_number("n") == 1)
        time.sleep(0.5)
        flags.close(timeout=1)
        tell(open("victim").read() == "mine")
        """,
        theirs=[False],
        ours=[True],
        why="The name 1.0.3 writes to can be known beforehand, and it follows links: whoever may write to the "
        "directory has it write anywhere.",
    ),
    Situation(
        "rights of the cache file",
        seen,
        """
        os.umask(0o022)
        flags = make()
        flags.get_number("n")
        def saved():
            names = os.listdir(directory) if os.path.isdir(directory) else []
            return [name for name in names if name.endswith(".json")]
        within(5, saved)
        (name,) = saved()
        tell(oct(stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode)))
        """,
        theirs=["0o644"],
        ours=["0o600"],
        why="Flags may be private.",
    ),
    Situation(
        "a process that ends without close()",
        changes,
        """
        flags = make()
        flags.get_number("n")
        within(10, lambda: flags.get_number("n") == 19)
        import subprocess
        if os.fork() == 0:
            # Looks at what is there when the other has ended.
            parent = os.getppid()
            within(20, lambda: os.getppid() != parent)
            (name,) = [name for name in os.listdir(directory) if name.endswith(".json")]
            tell(json.load(open(os.path.join(directory, name)))["n"] == 19)
            os._exit(0)
        """,
        theirs=[False],
        ours=[True],
        why="1.0.3 writes every 2.5 s and loses what came since; ours saves it at the end.",
    ),
    Situation(
        "a line break in the key",
        echo,
        """
        try:
            flags = make("the-key\\r\\nX-Evil: 1")
        except ValueError as error:
            tell(type(error).__name__, "the-key" in str(error))
        else:
            flags.get_number("n")
            within(5, lambda: flags.get_number("n") == 1)
            tell("evil header sent", flags.get_bool("evil"))
        """,
        theirs=["evil header sent", True],
        ours=["ValueError", False],
        why="What the key holds must not become headers.",
    ),
    Situation(
        "HTTP_PROXY in the environment",
        silent,
        """
        os.environ["HTTP_PROXY"] = "http://127.0.0.1:9"
        flags = make()
        flags.get_number("n")
        tell(within(3, lambda: errors), "proxy http://127.0.0.1:9" in "".join(str(error.exception) for error in errors))
        """,
        theirs=[False, False],
        ours=[True, True],
        why="1.0.3 does not know proxies.",
    ),
]
