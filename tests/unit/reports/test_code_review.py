"""Review of all codes, on the real engine."""

from datetime import UTC, datetime
from typing import Any

from support.clickhouse import ClickHouse
from support.programme import T0, attributed, click, entry

from reftrail.contracts.record import DAY
from reftrail.contracts.reference import CodeFormatDefined, FormatKind
from reftrail.contracts.topics import ATTRIBUTIONS, CODE_FORMATS, EVENTS, REWARDS
from reftrail.reports.code_review import code_activity, code_guesses


def code_format(name: str, pattern: str, **given: Any) -> CodeFormatDefined:
    times: dict[str, Any] = {"event_id": name, "event_time": T0, "received_at": T0}
    kind = FormatKind.DERIVED
    return CodeFormatDefined(name=name, kind=kind, pattern=pattern, revision=1, **times, **given)


async def test_activity_is_counted_by_code(clickhouse: ClickHouse) -> None:
    await clickhouse.load(
        EVENTS,
        [
            click("v1", "AMY", code_known=True),
            click("v2", "AMY"),
            click("v2", "AMY", is_bot=True),
            click("v3", "GUESS", code_known=False),
        ],
    )
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY"), attributed("vic", "BOB")])
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "uma", value=1),
            entry("r2", "AMY", "uma", value=1),
            entry("r3", "BOB", "vic", value=1, status="rejected"),
            entry("r4", "BOB", "wes", value=1, status="rejected"),
        ],
    )
    assert code_activity(clickhouse.reading) == [
        {"code": "AMY", "clicks": 2, "attributed": 1, "users_rewarded": 1, "users_rejected": 0},
        {"code": "BOB", "clicks": 0, "attributed": 1, "users_rewarded": 0, "users_rejected": 2},
    ]


async def test_guesses_are_counted_under_the_longest_prefix(clickhouse: ClickHouse) -> None:
    await clickhouse.load(
        CODE_FORMATS,
        [
            code_format("short", "S{body:9}{check}"),
            code_format("spring", "SPR{body:8}{check}", campaign_id="spring"),
        ],
    )
    forged = {"code_known": False, "code_evidence": "forged"}
    await clickhouse.load(
        EVENTS,
        [
            click("v1", "SPRAAAAAAAA2", ip_hash="one", **forged),
            click("v1", "sprAAAAAAAA2", ip_hash="two", **forged),
            click("v1", "SPRAAAAAAAA2", ip_hash="two", **forged),
            click("v1", "SPRAAAAAAAA3", event_time=T0 - DAY, **forged),
            click("v1", "SPRAAAAAAAA3", code_known=False, code_evidence="mistyped"),
            click("v1", "SAAAAAAAAA22", **forged),
            click("v1", "NONE", code_known=False, code_evidence="malformed"),
            click("v1", "SPRAAAAAAAA4", code_known=True, code_evidence="derived"),
        ],
    )
    since = datetime.fromtimestamp(T0 / 1000, UTC)
    nothing = {"mistyped": 0, "malformed": 0, "retired": 0}
    assert code_guesses(clickhouse.reading, since) == [
        {
            "format": "spring",
            "prefix": "SPR",
            "campaign_id": "spring",
            "forged": 3,
            "forged_codes": 2,
            "addresses": 2,
            **nothing,
            "mistyped": 1,
        },
        {
            "format": "short",
            "prefix": "S",
            "campaign_id": None,
            "forged": 1,
            "forged_codes": 1,
            "addresses": 0,
            **nothing,
        },
    ]


async def test_without_formats_nothing_is_guessed_at(clickhouse: ClickHouse) -> None:
    await clickhouse.load(EVENTS, [click("v1", "X", code_known=False, code_evidence="forged")])
    assert not code_guesses(clickhouse.reading, datetime(2020, 1, 1, tzinfo=UTC))
