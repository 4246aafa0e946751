"""Lookups of codes, campaigns and lists."""

import pytest

from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.record import Millis
from reftrail.engine.reference import ReferenceTables
from reftrail.testing import campaign, click, code, listed
from reftrail.testing.times import FIRST_DAY


def test_a_campaign_s_version_holds_until_the_next_one_s_beginning() -> None:
    tables = ReferenceTables(
        [
            campaign(version=3, effective_from=300),
            campaign(version=1, effective_from=100),
            campaign(version=2, effective_from=200),
        ]
    )
    times = (99, 100, 199, 200, 299, 300, 10**15)
    found = [tables.campaign("spring", at) for at in times]
    assert [campaign and campaign.version for campaign in found] == [None, 1, 1, 2, 2, 3, 3]


def test_of_versions_that_begin_together_the_highest_counts_in_whatever_order_they_come() -> None:
    for versions in ((1, 2), (2, 1)):
        tables = ReferenceTables([campaign(version=version) for version in versions])
        found = tables.campaign("spring", 0)
        assert found is not None
        assert found.version == 2


def test_a_version_that_comes_again_replaces_itself() -> None:
    tables = ReferenceTables([campaign(name="old"), campaign(name="new", effective_from=500)])
    assert tables.campaign("spring", 499) is None
    found = tables.campaign("spring", 500)
    assert found is not None
    assert found.name == "new"


def test_a_code_is_as_its_last_record_says() -> None:
    tables = ReferenceTables([code("AMY", owner=None), code("AMY", owner="amy")])
    found = tables.code("AMY")
    assert found is not None
    assert found.owner_user_id == "amy"


def test_what_is_asked_for_in_vain_is_missed_until_cleared() -> None:
    tables = ReferenceTables([campaign("known", effective_from=100)])
    assert tables.code("AMY") is None
    assert tables.campaign("spring", 0) is None
    assert tables.campaign("known", 99) is None
    assert tables.campaign(None, 0) is None
    missed = set(tables.missed)
    assert missed == {("code", "AMY"), ("campaign", "spring")}
    assert not tables.has_any(missed)
    tables.apply(code("spring"))
    assert not tables.has_any(missed), "a code is no campaign, whatever it is called"
    tables.apply(code("AMY"))
    assert tables.has_any(missed)
    tables.missed.clear()
    assert tables.code("AMY") is not None
    assert not tables.missed


def test_what_is_only_wanted_if_it_is_here_is_not_missed() -> None:
    tables = ReferenceTables([code("BOB")])
    assert tables.code_if_known("AMY") is None
    assert tables.code_if_known("BOB") == tables.code("BOB")
    assert not tables.missed


def test_of_a_code_the_highest_revision_counts_whichever_came_last() -> None:
    tables = ReferenceTables(
        [code("AMY", owner="second", revision=2), code("AMY", owner="first", revision=1)]
    )
    found = tables.code("AMY")
    assert found is not None
    assert found.owner_user_id == "second"


def said(at: Millis, listing: str | None, expires_at: Millis | None = None) -> Listed:
    return Listed(
        event_id=f"{listing} {at}",
        event_time=at,
        received_at=at,
        subject="user",
        value="eve",
        listing=listing,
        expires_at=expires_at,
        actor="ann",
    )


def test_an_entry_of_the_lists_counts_from_when_it_was_made_until_it_expires() -> None:
    tables = ReferenceTables([said(100, "block", expires_at=200)])
    found = [tables.listed("user", "eve", at) for at in (99, 100, 199, 200)]
    assert [entry and entry.listing for entry in found] == [None, "block", "block", None]
    assert tables.listed("user", "bob", 150) is None
    assert tables.listed("code", "eve", 150) is None
    assert not tables.missed, "hardly anybody is on a list"


def test_a_later_entry_ends_an_earlier_one_and_changes_nothing_before() -> None:
    made = [said(100, "block"), said(200, "allow"), said(300, None)]
    for entries in (made, made[::-1]):
        tables = ReferenceTables(entries)
        found = [tables.listed("user", "eve", at) for at in (100, 199, 200, 299, 300)]
        assert [entry and entry.listing for entry in found] == [
            "block",
            "block",
            "allow",
            "allow",
            None,
        ]


@pytest.mark.parametrize("typed", ["AMY", "Amy"])
def test_a_code_is_listed_in_any_case(typed: str) -> None:
    tables = ReferenceTables([listed("code", typed), listed("user", typed)])
    for name in ("AMY", "Amy", "amy"):
        assert tables.listed("code", name, FIRST_DAY) is not None
        assert (tables.listed("user", name, FIRST_DAY) is not None) == (name == typed)


def test_tables_are_shared_but_for_what_is_missed() -> None:
    shared = ReferenceTables()
    tables = shared.seen_by_another()
    shared.apply(said(100, "block"))
    shared.apply(campaign())
    shared.apply(code("AMY"))
    assert tables.listed("user", "eve", 100) is not None
    assert tables.campaign("spring", 0) is not None
    assert tables.code("AMY") is not None
    assert tables.code("BOB") is None
    assert tables.missed == {("code", "BOB")}
    assert not shared.missed


def test_nothing_else_belongs_into_the_tables() -> None:
    with pytest.raises(TypeError, match="Click is neither a code, a campaign nor a list"):
        ReferenceTables().apply(click("AMY", at="10:00"))
