"""A store that is slow, away or asked too much, and what is answered then."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.codes import sqlite_url

from reftrail.codes.model import ActRefused, Why
from reftrail.codes_api import store_access
from reftrail.codes_api.store_access import STATUS_OF, Backend, Opened
from reftrail.contracts.errors import ExpectedError
from reftrail.edge.http_errors import RequestRefused


class BlockedStore:
    """A call that blocks until it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.done = threading.Event()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, _: Opened) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.gate.wait(60)
        with self.lock:
            self.running -= 1
        self.done.set()
        return "done"


@pytest.fixture
def held() -> BlockedStore:
    return BlockedStore()


@pytest.fixture
async def codes(held: BlockedStore, tmp_path: Path) -> AsyncIterator[Backend]:
    running = Backend(sqlite_url(tmp_path), None)
    yield running
    held.gate.set()
    await running.close()


async def refused(codes: Backend, call: object) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        await codes.run(call)  # type: ignore[arg-type]
    return caught.value


async def test_a_slow_call_is_answered_for_and_goes_on(
    codes: Backend, held: BlockedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_access, "_PATIENCE_SECONDS", 0.05)
    error = await refused(codes, held)
    assert (error.status, error.retry_after) == (503, 2)
    assert "same Idempotency-Key" in str(error)
    held.gate.set()
    assert await asyncio.to_thread(held.done.wait, 10)


async def test_no_more_wait_than_can_be_answered_soon(codes: Backend, held: BlockedStore) -> None:
    waiting = [asyncio.create_task(codes.run(held)) for _ in range(store_access._MOST_WAITING)]
    await asyncio.sleep(0)
    error = await refused(codes, held)
    assert (error.status, error.retry_after) == (503, 2)
    held.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"done"}
    assert held.most <= store_access._THREADS
    assert await codes.run(held) == "done"


async def test_of_long_calls_one_runs_at_a_time_and_short_ones_beside_it(
    codes: Backend, held: BlockedStore
) -> None:
    waiting = [asyncio.create_task(codes.run_long(held)) for _ in range(5)]
    assert await codes.run(lambda _: "short") == "short"
    held.gate.set()
    await asyncio.gather(*waiting)
    assert held.most == 1


@pytest.mark.parametrize("why", list(Why))
async def test_what_the_service_refuses_has_a_status(codes: Backend, why: Why) -> None:
    def refuse(_: Opened) -> None:
        raise ActRefused(why, "not this one", "THAT1")

    error = await refused(codes, refuse)
    assert error.status == STATUS_OF[why]
    assert (str(error), error.suggestion) == ("not this one", "THAT1")


async def test_a_database_that_does_not_answer_tells_nothing_of_itself(codes: Backend) -> None:
    def fail(_: Opened) -> None:
        raise ExpectedError("postgresql://secret@db does not answer")

    error = await refused(codes, fail)
    assert (error.status, error.retry_after) == (503, 2)
    assert "postgresql" not in str(error)


async def test_without_a_store_it_says_which_setting_is_missing() -> None:
    error = await refused(Backend(None, None), lambda _: None)
    assert error.status == 503
    assert "REFTRAIL_CODES_STORE" in str(error)
