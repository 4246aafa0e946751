"""Codes are issued for campaigns that are there."""

import asyncio
from typing import Any

import msgspec
import pytest

from reftrail.codes_api.campaigns import KnownCampaigns
from reftrail.codes_api.issuing import AnyIssue, issue_body
from reftrail.contracts.errors import ExpectedError
from reftrail.edge.http_errors import RequestRefused


class Topic:
    """Campaigns that were applied, and how often they were read."""

    def __init__(self, *applied: str) -> None:
        self.applied = set(applied)
        self.reads = 0
        self.is_away = False

    def read(self) -> set[str]:
        if self.is_away:
            raise ExpectedError("Kafka does not answer")
        self.reads += 1
        return set(self.applied)


def asked(**body: Any) -> AnyIssue:
    return issue_body(msgspec.json.encode(body))


async def test_a_campaign_that_is_there_is_looked_for_once() -> None:
    topic = Topic("summer", "winter")
    known = KnownCampaigns(topic.read)
    for _ in range(3):
        await known.check(asked(campaign_id="summer"))
        await known.check(asked(codes=[{"campaign_id": "winter"}, {"campaign_id": "summer"}]))
    assert topic.reads == 1


async def test_a_campaign_that_was_applied_since_is_found() -> None:
    topic = Topic("summer")
    known = KnownCampaigns(topic.read)
    await known.check(asked(campaign_id="summer"))
    with pytest.raises(RequestRefused):
        await known.check(asked(campaign_id="winter"))
    topic.applied.add("winter")
    await known.check(asked(campaign_id="winter"))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"campaign_id": "sumer"}, "/campaign_id"),
        ({"campaign_id": "sumer", "code": "AMY-SM1TH"}, "/campaign_id"),
        (
            {"codes": [{"campaign_id": "summer"}, *[{"campaign_id": "sumer"}] * 2]},
            "/codes/1/campaign_id",
        ),
        (
            {"existing": [{"code": "A", "campaign_id": "sumer"}]},
            "/existing/0/campaign_id",
        ),
    ],
)
async def test_one_that_is_not_there_is_named(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(RequestRefused, match=r"no campaign sumer .known: summer.*apply") as refused:
        await KnownCampaigns(Topic("summer").read).check(asked(**body))
    assert (refused.value.status, refused.value.pointer) == (422, pointer)


async def test_a_derived_format_names_its_campaign_itself() -> None:
    topic = Topic()
    await KnownCampaigns(topic.read).check(asked(format="market", count=2))
    assert topic.reads == 0


async def test_while_kafka_is_away_only_unknown_campaigns_wait() -> None:
    topic = Topic("summer")
    known = KnownCampaigns(topic.read)
    await known.check(asked(campaign_id="summer"))
    topic.is_away = True
    await known.check(asked(campaign_id="summer"))
    with pytest.raises(RequestRefused, match="Kafka does not answer") as refused:
        await known.check(asked(campaign_id="winter"))
    assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "2")


async def test_one_request_at_a_time_reads() -> None:
    topic = Topic("summer")
    known = KnownCampaigns(topic.read)
    await asyncio.gather(*(known.check(asked(campaign_id="summer")) for _ in range(20)))
    assert topic.reads == 1
