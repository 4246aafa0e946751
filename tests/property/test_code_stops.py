"""A purchase earns by the state of its code at that time, whenever the purchase arrives."""

from collections.abc import Iterable
from random import Random
from typing import Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Purchase, Signup
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Millis
from reftrail.contracts.reference import CodeChanged, CodeStatus, Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

POLICY: Final = Policy(repeats=0, fraud=Fraud(grant_up_to=999, reject_from=1_000))
PROGRAMME: Final = campaign(policy=policy_text(POLICY), trigger=Trigger.FIRST_PURCHASE)
LATE: Final = FIRST_DAY + 30 * DAY

changes = st.lists(st.tuples(st.integers(1, 30), st.sampled_from(list(CodeStatus))), max_size=8)
"""Hours and the statuses that the code has from then on."""
purchases = st.lists(st.integers(0, 31), min_size=1, max_size=12)
"""Hours."""


def hour(number: int) -> Millis:
    return FIRST_DAY + number * HOUR


def records(statuses: Iterable[tuple[int, CodeStatus]]) -> list[CodeChanged]:
    """The records of a code whose status changes, each as the store of codes writes it."""
    found = [code("AMY")]
    for at, status in sorted(dict(statuses).items()):
        before = found[-1]
        if status != before.status:
            after = msgspec.structs.replace(
                before,
                status=status,
                event_time=hour(at),
                past_stops=before.past_stops_at(status, hour(at)),
                revision=before.revision + 1,
            )
            found.append(after)
    return found


def bought(nth: int, at: int, received_at: Millis) -> Purchase:
    return Purchase(
        event_id=f"purchase {nth}",
        event_time=hour(at),
        received_at=received_at,
        user_id="u",
        order_id=f"{nth}",
        amount_micros=10 * MICROS_PER_UNIT,
        currency="USD",
    )


def host_with_signup() -> MemoryHost:
    host = MemoryHost(wire=False)
    host.publish(CAMPAIGNS, PROGRAMME)
    host.publish(CODES, code("AMY"))
    signup = Signup(
        event_id="signup", event_time=FIRST_DAY, received_at=FIRST_DAY, user_id="u", code="AMY"
    )
    host.publish(EVENTS, signup)
    return host.run()


def decided(host: MemoryHost) -> set[tuple[str, str, tuple[str, ...]]]:
    entries = (entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided))
    return {(entry.action, entry.status, tuple(entry.reasons)) for entry in entries}


@given(changes, purchases, st.randoms(use_true_random=False))
def test_a_purchase_earns_by_the_status_of_its_time(
    statuses: list[tuple[int, CodeStatus]], times: list[int], random: Random
) -> None:
    """Found at once, and after all changes in any order."""
    at_once, late = host_with_signup(), host_with_signup()
    known = records(statuses)
    happened = [
        *((record.event_time, 0, record) for record in known[1:]),
        *((hour(at), 1, bought(nth, at, hour(at))) for nth, at in enumerate(times)),
    ]
    for _, is_purchase, record in sorted(happened, key=lambda timed: timed[:2]):
        at_once.publish(EVENTS if is_purchase else CODES, record)
        at_once.run()
    late.publish(CODES, *known[1:])
    delayed = [bought(nth, at, LATE) for nth, at in enumerate(times)]
    random.shuffle(delayed)
    for record in delayed:
        late.publish(EVENTS, record)
        late.run()
    assert decided(late) == decided(at_once)
    assert len({action for action, _, _ in decided(late)}) == len(times)
