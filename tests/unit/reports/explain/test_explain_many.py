"""The chains behind many rewards of one referral: each partition of the log is read a few times."""

from datetime import UTC, datetime
from typing import Any, cast

from support.memory_log import MemoryLog
from support.programme import T0, campaign, click, code, purchase, signup

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CLAIMS, CODES, EVENTS, REWARD_INPUTS, REWARDS
from reftrail.engine.memory import MemoryHost
from reftrail.reports.client import ReportsClient
from reftrail.reports.explain.chain import explain
from reftrail.reports.explain.explanation import Explanation
from reftrail.reports.explain.log import _runs

CHAIN = ["reward-inputs", "attribution-inputs", "events"]
TRUSTING = Fraud(grant_up_to=999, reject_from=1_000)


def programme(orders: int) -> MemoryHost:
    """A referral with so many orders, each of which earns both sides."""
    host = MemoryHost(batch=100)
    policy = policy_text(Policy(repeats=0, fraud=TRUSTING))
    rewards = {"referrer_reward_micros": MICROS_PER_UNIT, "referee_reward_micros": MICROS_PER_UNIT}
    trigger = Trigger.FIRST_PURCHASE
    host.publish(CAMPAIGNS, campaign("spring", trigger=trigger, policy=policy, **rewards))
    host.publish(CODES, code("AMY", "spring", owner_user_id="amy"))
    common = {"event_time": T0, "received_at": T0}
    host.publish(EVENTS, click("visitor", "AMY", campaign_id="spring", **common))
    host.publish(EVENTS, signup("uma", "visitor", event_time=T0 + 1, received_at=T0 + 1))
    for nth in range(orders):
        at = {"event_time": T0 + HOUR + nth, "received_at": T0 + HOUR + nth}
        money = {"amount_micros": 10 * MICROS_PER_UNIT}
        host.publish(EVENTS, purchase("uma", order_id=f"order {nth}", **money, **at))
    return host.run()


def journey(host: MemoryHost) -> dict[str, Any]:
    """The warehouse's rows of the user and the code."""
    entries = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    touched: Any = host.log(EVENTS)[0]
    names = RewardDecided.__struct_fields__
    return {
        "as_of": None,
        "code": None,
        "rewards": [
            {name: getattr(entry, name) for name in names} | _times(entry) for entry in entries
        ],
        "touches": [{"event_id": touched.event_id, "visitor_id": "visitor"} | _times(touched)],
        "interactions": {"views": 0, "clicks": 0},
        "claims": [],
        "people": [],
        "attributions": [],
        "signup": None,
        "campaigns": [],
    }


def _times(record: Any) -> dict[str, str]:
    times = {"event_time": record.event_time, "received_at": record.received_at}
    return {name: datetime.fromtimestamp(at / 1000, UTC).isoformat() for name, at in times.items()}


class Reports:
    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known

    def journey(self, code: str, user_id: str) -> dict[str, Any]:
        assert (code, user_id) == ("AMY", "uma")
        return self._known


def explained(host: MemoryHost, log: MemoryLog) -> Explanation:
    return explain(cast("ReportsClient", Reports(journey(host))), log, "AMY", "uma")


def test_a_thousand_rewards_are_explained_by_reading_each_partition_a_few_times() -> None:
    few, many = programme(3), programme(500)
    once, log = MemoryLog(few), MemoryLog(many)
    explained(few, once)
    found = explained(many, log)
    assert sum(len(story.entries) for story in found.stories) == 1_000
    for story in found.stories:
        assert [cause.topic for cause in story.causes] == CHAIN
        assert story.touch is not None
        assert story.gaps == []
    assert log.reads == once.reads
    total = sum(len(many.log(topic)) for topic in (EVENTS, CLAIMS, REWARDS, REWARD_INPUTS))
    assert log.read < 5 * total


def test_what_is_not_in_the_log_any_more_is_told_of_each_reward() -> None:
    host = programme(3)
    log = MemoryLog(host)
    log.lose(EVENTS, lambda event: getattr(event, "order_id", "") == "order 1")
    log.lose(REWARDS, lambda entry: entry.action == "purchase:order 2")
    gaps = [story.gaps for story in explained(host, log).stories]
    assert gaps[0] == []
    assert [gap.split()[-6:] for gap in gaps[1]] == [["is", "not", "in", "Kafka", "any", "more"]]
    assert len(gaps[2]) == 2
    assert all(gap.endswith("is not in Kafka's rewards topic") for gap in gaps[2])


def test_what_stands_between_two_places_far_apart_is_not_read() -> None:
    log = MemoryLog(programme(500))
    topic, last = REWARD_INPUTS.name, len(log._logged[REWARD_INPUTS.name]) - 1
    found = log.at([(topic, 0, last), (topic, 0, 3), (topic, 0, last + 9), (topic, 0, 3)])
    assert sorted(place[2] for place in found) == [3, last]
    assert list(_runs([0, 2_000, 4_001])) == [[0, 2_000], [4_001]]
