"""Overrides: what one context sees in another way, and no other does."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from soasap.testing import InMemoryClient
from tests.scripts import run_script


@pytest.fixture
def flags() -> InMemoryClient:
    return InMemoryClient({"beta": False, "new-checkout": False, "limit": 1, "tree": {"a": [1]}})


def test_override_holds_inside(flags: InMemoryClient) -> None:
    """Inside every getter and `all_flags` see it, keys with dashes too; afterwards all is as it was."""
    before = flags.all_flags()
    with flags.override({"new-checkout": True}, beta=True, limit="two", fresh={"b": 2}) as same:
        assert same is flags
        assert flags.get_bool("beta")
        assert flags.get_flag("new-checkout")
        assert "two" == flags.get_string("limit")
        assert 7 == flags.get_int("limit", 7)
        assert {"b": 2} == flags.get_json("fresh")
        assert {"a": [1]} == flags.get_json("tree")
        assert {**before, "beta": True, "new-checkout": True, "limit": "two", "fresh": {"b": 2}} == flags.all_flags()

    assert before == flags.all_flags()


def test_keys_are_taken_as_they_are_written(flags: InMemoryClient) -> None:
    """`new_checkout` is another flag than `new-checkout`; of the same key twice, the keyword counts."""
    with flags.override(new_checkout=True):
        assert flags.get_bool("new_checkout")
        assert not flags.get_bool("new-checkout")
    with flags.override({"beta": True}, beta=False):
        assert flags.get_bool("beta", True) is False


def test_parameter_names_are_flags_too(flags: InMemoryClient) -> None:
    """A flag may be called like a parameter of the method."""
    with flags.override(flags=1, self=2):
        assert [1, 2] == [flags.get_int("flags"), flags.get_int("self")]


def test_none_hides_a_flag(flags: InMemoryClient) -> None:
    """A flag that is overridden with `None` reads as if it were missing."""
    with flags.override(limit=None):
        assert 9 == flags.get_int("limit", 9)

    assert 1 == flags.get_int("limit")


def test_overrides_nest(flags: InMemoryClient) -> None:
    """The innermost wins, for its own flags; one that ends early takes away its own and no other."""
    outer, inner = flags.override(limit=2, beta=True), flags.override(limit=3)
    with outer:
        with inner:
            assert 3 == flags.get_int("limit")
            assert flags.get_bool("beta")
            with outer:
                assert 2 == flags.get_int("limit")
            assert 3 == flags.get_int("limit")
        assert 2 == flags.get_int("limit")

    first, second = flags.override(limit=2), flags.override(limit=3)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)

    assert 3 == flags.get_int("limit")

    second.__exit__(None, None, None)

    assert 1 == flags.get_int("limit")


def test_override_ends_with_an_error(flags: InMemoryClient) -> None:
    """An exception in the block goes through, and the override is gone."""
    with pytest.raises(ZeroDivisionError), flags.override(beta=True):
        _ = 1 / 0

    assert not flags.get_bool("beta")


def test_clients_are_independent(flags: InMemoryClient) -> None:
    """What is overridden in one client is not so in another."""
    other = InMemoryClient({"beta": False})
    with flags.override(beta=True):
        assert not other.get_bool("beta")
        with other.override(beta=True), flags.override(beta=False):
            assert other.get_bool("beta")
            assert not flags.get_bool("beta")


def test_set_goes_below_an_override(flags: InMemoryClient) -> None:
    """What is set inside is set for everybody, and seen here when the override ends."""
    with flags.override(limit=2):
        flags.set("limit", 5)
        flags.set("fresh", True)

        assert 2 == flags.get_int("limit")
        assert flags.get_bool("fresh")

    assert 5 == flags.get_int("limit")


def test_subscribers_do_not_hear_of_overrides(flags: InMemoryClient) -> None:
    """An override is no change of flags; a change inside is told with the values that everybody has."""
    heard: list[Mapping[str, object]] = []
    flags.subscribe(heard.append)
    with flags.override(limit=2):
        assert [] == heard
        flags.set("limit", 5)

    [changes] = heard
    assert "{'limit': FlagChange(old=1, new=5)}" == str(dict(changes))


def test_threads_see_their_own(flags: InMemoryClient) -> None:
    """Eight threads override the same flag at once, each sees its own value, and one that does not sees what is set."""
    barrier = threading.Barrier(8)

    def work(number: int) -> list[int]:
        seen = []
        for turn in range(20):
            with flags.override(limit=100 * number + turn):
                barrier.wait(30)
                seen.append(flags.get_int("limit") - turn)
                barrier.wait(30)
            seen.append(flags.get_int("limit"))
        return seen

    with ThreadPoolExecutor(8) as pool, flags.override(limit=-1):
        results = list(pool.map(work, range(1, 9)))

        assert [[100 * number, 1] * 20 for number in range(1, 9)] == results
        assert -1 == flags.get_int("limit")


def test_thread_with_a_copied_context(flags: InMemoryClient) -> None:
    """A plain thread that starts inside sees what is set; one that runs in a copy of the context sees the override."""
    with ThreadPoolExecutor(1) as pool, flags.override(limit=2):
        plain = pool.submit(flags.get_int, "limit")
        copied = pool.submit(contextvars.copy_context().run, flags.get_int, "limit")

        assert [1, 2] == [plain.result(30), copied.result(30)]


def test_asyncio_tasks_see_their_own(flags: InMemoryClient) -> None:
    """Tasks that take turns each see their own value; one made inside inherits, and so does `asyncio.to_thread`."""

    async def work(number: int) -> list[int]:
        seen = []
        with flags.override(limit=number):
            for _ in range(20):
                await asyncio.sleep(0)
                seen.append(flags.get_int("limit"))
            seen.append(await asyncio.create_task(read()))
            seen.append(await asyncio.to_thread(flags.get_int, "limit"))
        seen.append(flags.get_int("limit"))
        return seen

    async def read() -> int:
        return flags.get_int("limit")

    async def main() -> list[list[int]]:
        return await asyncio.gather(*(work(number) for number in range(2, 10)))

    assert [[number] * 22 + [1] for number in range(2, 10)] == asyncio.run(main())


def test_end_in_another_context(flags: InMemoryClient) -> None:
    """An override that ends in another context than it began in, as that of an async fixture may, is no error."""
    override = flags.override(limit=2)
    contextvars.copy_context().run(override.__enter__)

    assert 1 == flags.get_int("limit")

    contextvars.copy_context().run(override.__exit__, None, None, None)

    assert 1 == flags.get_int("limit")


def test_it_is_no_decorator(flags: InMemoryClient) -> None:
    """It cannot decorate: around an `async` function it would end before the function began."""
    assert not callable(flags.override(limit=2))


def test_greenlets_see_their_own() -> None:
    """Under gevent, greenlets that take turns each see their own value; one spawned inside sees what is set."""
    run_script(
        """
        from gevent import monkey; monkey.patch_all()
        import gevent
        from soasap.testing import InMemoryClient

        flags = InMemoryClient({"limit": 1})

        def work(number):
            with flags.override(limit=number):
                for _ in range(20):
                    gevent.sleep(0)
                    assert flags.get_int("limit") == number
                inner = gevent.spawn(flags.get_int, "limit")
                assert inner.get(timeout=30) == 1
                flags.set(f"done-{number}", True)
            assert flags.get_int("limit") == 1

        workers = [gevent.spawn(work, number) for number in range(2, 10)]
        gevent.joinall(workers, timeout=30, raise_error=True)
        assert len(flags.all_flags()) == 9
        """
    )
