"""Formats that definitions add up to."""

from typing import Any

import pytest

from reftrail.codes.formats import Forged, Retired, Unchecked, UnknownFormat, Valid, WellFormed
from reftrail.codes.formats.definitions import formats_of
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Mistyped, Pattern
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.reference import CodeFormatDefined

SECRET = MasterSecret("c1", b"m" * 32)
SPRING = DerivedCodes(
    "spring", SECRET.of_campaign("spring"), Pattern.of("SPR{body:8}{check}"), 1_000
)


def defined(name: str = "spring", revision: int = 1, **overrides: Any) -> CodeFormatDefined:
    facts: dict[str, Any] = {
        "kind": "derived",
        "pattern": "SPR{body:8}{check}",
        "campaign_id": "spring",
        "count": 100,
        "key_id": "c1",
    }
    facts |= {"event_id": f"{name} {revision}", "event_time": 1, "received_at": 1}
    return CodeFormatDefined(name=name, revision=revision, **(facts | overrides))


def registered(name: str = "random", **overrides: Any) -> CodeFormatDefined:
    facts = {"kind": "registered", "pattern": "REF{body:9}", "campaign_id": None, "key_id": None}
    return defined(name, **(facts | overrides))


def test_a_derived_code_is_judged_by_the_secret_of_its_campaign() -> None:
    formats = formats_of([defined(), registered()], SECRET)
    assert formats.verify(SPRING.code(100)) == Valid(SPRING.code(100), "spring", "spring", 100)
    assert isinstance(formats.verify(SPRING.code(101)), Forged)
    assert isinstance(formats.verify("REFABCDEFGHJ"), WellFormed)


def test_the_highest_revision_counts_whichever_came_last() -> None:
    formats = formats_of([defined(revision=2, count=200), defined(revision=1)], SECRET)
    assert isinstance(formats.verify(SPRING.code(200)), Valid)


@pytest.mark.parametrize("secret", [None, MasterSecret("c2", b"m" * 32)])
def test_without_the_secret_genuine_and_forged_are_the_same(secret: MasterSecret | None) -> None:
    formats = formats_of([defined(), registered()], secret)
    assert isinstance(formats.verify(SPRING.code(1)), Unchecked)
    assert isinstance(formats.verify(SPRING.code(999)), Unchecked)
    mistyped = SPRING.code(1)[:-1] + ("A" if SPRING.code(1)[-1] != "A" else "B")
    assert isinstance(formats.verify(mistyped), Mistyped)


def test_a_code_that_one_campaign_disowns_may_be_that_of_an_unchecked_one() -> None:
    both = [defined(), defined("autumn", campaign_id="autumn", key_id="c2")]
    assert isinstance(formats_of(both, SECRET).verify(SPRING.code(101)), Unchecked)
    assert isinstance(formats_of(both, SECRET).verify(SPRING.code(100)), Valid)


def test_codes_of_a_retired_format_are_retired_and_forged_ones_stay_forged() -> None:
    retired = [defined(status="retired"), registered(status="retired")]
    formats = formats_of(retired, SECRET)
    assert isinstance(formats.verify(SPRING.code(1)), Retired)
    assert isinstance(formats.verify(SPRING.code(101)), Forged)
    assert isinstance(formats.verify("REFABCDEFGHJ"), Retired)


def test_a_campaign_without_codes_has_none_to_know() -> None:
    assert formats_of([defined(count=0)], SECRET).verify(SPRING.code(1)) == UnknownFormat()


def test_odds_that_were_agreed_to_are_no_reason_to_know_nothing() -> None:
    risky = formats_of([defined(pattern="SPR{body:5}{check}", count=1_000_000)], SECRET)
    made = SECRET.of_campaign("spring")
    codes = DerivedCodes("spring", made, Pattern.of("SPR{body:5}{check}"), 1_000_000, 1.0)
    assert isinstance(risky.verify(codes.code(999_999)), Valid)


@pytest.mark.parametrize(
    "overrides",
    [
        {"pattern": "{"},
        {"kind": "random"},
        {"status": "gone"},
        {"campaign_id": None},
        {"count": 10**15},
    ],
)
def test_a_definition_that_cannot_be_is_named(overrides: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="spring"):
        formats_of([defined(**overrides)], SECRET)
