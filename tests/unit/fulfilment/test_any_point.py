"""Killed after anything that lasts, it never fulfils twice, and reports once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.fulfilment_faults import ReportsFirst
from support.stepped_fulfilment import REFUSES, Receiver, Setup, wrong_after, wrongs_by_step

from reftrail.contracts.decisions import RewardGranted
from reftrail.fulfilment.answers import Answer, Delivered, OrderRefused
from reftrail.fulfilment.fulfilment import Fulfilment
from reftrail.fulfilment.log import FoundOrders


@pytest.fixture
def directory() -> Iterator[Path]:
    """In memory, where there is such a place: what counts here is the order of things."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


def test_killed_at_any_step_it_fulfils_once_and_reports_once(directory: Path) -> None:
    by_step = dict(wrongs_by_step(directory, Setup()))
    assert len(by_step) > 15
    assert {step: wrong for step, wrong in by_step.items() if wrong} == {}


class PositionsFirst(Fulfilment):
    """Moves the positions as soon as it has read."""

    def _take(self, log: Any) -> None:
        poll = log.poll

        def poll_and_commit(timeout_ms: int) -> FoundOrders:
            found: FoundOrders = poll(timeout_ms)
            log.write_reports([], [], log.positions())
            return found

        log.poll = poll_and_commit
        super()._take(log)
        log.poll = poll


class DoesNotLookBack(Fulfilment):
    """Doesn't read what was reported before."""

    def gained(self, positions: Mapping[int, int]) -> None:
        self._committed, self._owns = positions, True


class AsksAtOnce(Fulfilment):
    """Asks for what has come in, whatever else is in the log by then."""

    def _check(self, log: Any) -> None:
        self._checked_at = self.clock()


class IgnoresKeys(Receiver):
    """Does it as often as it is asked."""

    def fulfil(self, order: RewardGranted) -> Answer:
        if order.reward_id == REFUSES:
            return OrderRefused("no")
        self.world.done[order.reward_id] += 1
        self.world.steps.step()
        return Delivered(order.reward_id)


@pytest.mark.parametrize(
    ("setup", "wrong"),
    [
        (Setup(ReportsFirst), "credit given 0 times, reported 1 times"),
        (Setup(PositionsFirst), "credit reported 0 times"),
        (Setup(DoesNotLookBack), "credit reported 2 times"),
        (Setup(receiver=IgnoresKeys), "credit given 2 times"),
    ],
)
def test_in_another_order_it_would_not(directory: Path, setup: Setup, wrong: str) -> None:
    assert any(wrong in found for _, found in wrongs_by_step(directory, setup))
    unharmed, _ = wrong_after(-1, directory / "unharmed", setup)
    assert wrong not in unharmed, "it takes a kill"


def test_asked_before_the_log_is_read_what_was_withdrawn_is_given(directory: Path) -> None:
    found, _ = wrong_after(-1, directory / "at once", Setup(AsksAtOnce))
    assert "given without an order" in found
    found, _ = wrong_after(-1, directory / "read before", Setup())
    assert found == []
