"""Outcomes of answers."""

from support.fulfilment import an_order

from reftrail.contracts.codec import encode
from reftrail.fulfilment.answers import Deferred, Delivered, OrderRefused
from reftrail.fulfilment.outcomes import Again, Due, Settled, judge
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.hosting.schedule import Schedule

SCHEDULE = Schedule(first=2.0, most=60.0, give_up_after=100.0)


def due(*, attempts: int = 1, in_doubt: bool = False) -> Due:
    return Due(an_order(1), LogPosition(3, 14), attempts, in_doubt, taken_at=0)


def test_delivered_is_reported_with_what_it_is_called() -> None:
    verdict = judge(due(attempts=2), Delivered("r-1", "carrier", "t-1"), SCHEDULE, now=5_000)
    assert isinstance(verdict, Settled)
    assert verdict.letter is None
    report, order = verdict.report, an_order(1)
    assert (report.outcome, report.attempts, report.event_time) == ("delivered", 2, 5_000)
    assert (report.reference, report.carrier, report.tracking_number) == ("r-1", "carrier", "t-1")
    assert (report.reward_id, report.code, report.user_id, report.role, report.kind) == (
        order.reward_id, order.code, order.user_id, order.role, order.kind,
    )  # fmt: skip


def test_refused_is_reported_as_failed_and_put_aside() -> None:
    verdict = judge(due(), OrderRefused("no such user"), SCHEDULE, now=5_000)
    assert isinstance(verdict, Settled)
    assert (verdict.report.outcome, verdict.report.detail) == ("failed", "no such user")
    letter = verdict.letter
    assert letter is not None
    assert (letter.stage, letter.reason, letter.detail) == ("fulfilment", "failed", "no such user")
    assert (letter.topic, letter.partition, letter.offset) == ("reward-granted", 3, 14)
    assert letter.payload == encode(an_order(1))


def test_deferred_is_asked_again_later() -> None:
    verdict = judge(due(), Deferred("busy", in_doubt=False), SCHEDULE, now=5_000)
    assert isinstance(verdict, Again)
    assert 6_000 <= verdict.due_at <= 7_000
    assert not verdict.in_doubt
    found = judge(due(), Deferred("busy", in_doubt=False, retry_after=30), SCHEDULE, now=5_000)
    assert found == Again(an_order(1).reward_id, 35_000, in_doubt=False)


def test_doubt_stays_until_somebody_says() -> None:
    for before, now in ((True, False), (False, True), (True, True)):
        verdict = judge(due(in_doubt=before), Deferred("", in_doubt=now), SCHEDULE, now=0)
        assert isinstance(verdict, Again)
        assert verdict.in_doubt


def test_what_takes_too_long_has_failed_and_says_whether_it_may_be_done() -> None:
    late = due(attempts=9)
    verdict = judge(late, Deferred("busy", in_doubt=False), SCHEDULE, now=100_000)
    assert isinstance(verdict, Settled)
    assert verdict.report.detail == "gave up after 9 attempts; the last time busy"
    verdict = judge(late, Deferred("silence", in_doubt=True), SCHEDULE, now=100_000)
    assert isinstance(verdict, Settled)
    assert verdict.report.detail is not None
    assert f"ask there about {an_order(1).reward_id}" in verdict.report.detail


def test_reports_of_a_reward_have_ids_that_follow_from_it() -> None:
    def id_of(answer: Delivered | OrderRefused, order_id: str, now: int) -> str:
        again = Due(
            an_order(1, event_id=order_id), LogPosition(0, now), 1, in_doubt=False, taken_at=0
        )
        verdict = judge(again, answer, SCHEDULE, now)
        assert isinstance(verdict, Settled)
        return verdict.report.event_id

    assert id_of(Delivered("a"), "grant-1", 1) == id_of(Delivered("b"), "grant-2", 2)
    assert id_of(OrderRefused("a"), "grant-1", 1) == id_of(OrderRefused("b"), "grant-1", 2)
    assert id_of(OrderRefused("a"), "grant-1", 1) != id_of(OrderRefused("a"), "grant-2", 1)
    assert id_of(OrderRefused("a"), "grant-1", 1) != id_of(Delivered("a"), "grant-1", 1)
