"""Owners' signals under hash keys that were changed: renewed or listed."""

from dataclasses import replace

import pytest
from support.code_service import refused
from support.codes import BY, SUMMER

from reftrail.codes.model import Code, FormatTerms, GivenCode, Signup, Terms, Why
from reftrail.codes.service import CodeService
from reftrail.contracts.reference import NamedHash

OWNED: Terms = replace(
    SUMMER,
    owner_device_hash="k1:d1",
    owner_ip_hash="k1:i1",
    owner_network_hash="k1:n1",
    owner_email_hash="k1:e1",
)
UNNAMED: Terms = replace(SUMMER, owner_email_hash="e1", owner_device_hash="d1")


def latest(code: Code) -> dict[str, NamedHash]:
    """The hash under the latest key of each signal."""
    return {name: hashes[0] for name, hashes in code.changed.owner_hashes().items()}


def test_each_hash_names_its_key(codes: CodeService) -> None:
    code = codes.issue(OWNED, BY)
    renewed = codes.rehash(code.code, BY, ("k1", "k2"), {"owner_email_hash": "e2"})
    assert latest(renewed) == {
        "owner_device_hash": ("k1", "d1"),
        "owner_ip_hash": ("k1", "i1"),
        "owner_network_hash": ("k1", "n1"),
        "owner_email_hash": ("k2", "e2"),
    }
    again = codes.rehash(code.code, BY, ("k1", "k2"), {"owner_device_hash": "d2"})
    assert again.changed.owner_device_hash == "k2:d2 k1:d1"
    third = codes.rehash(code.code, BY, ("k2", "k3"), {"owner_email_hash": "e3"})
    assert latest(third) == {
        "owner_device_hash": ("k2", "d2"),
        "owner_ip_hash": ("k1", "i1"),
        "owner_network_hash": ("k1", "n1"),
        "owner_email_hash": ("k3", "e3"),
    }
    assert third.changed.owner_email_hash == "k3:e3 k2:e2", "no more than two are kept"


def test_a_key_that_is_changed_back_finds_its_hashes_again(codes: CodeService) -> None:
    code = codes.issue(OWNED, BY).code
    there = codes.rehash(code, BY, ("k1", "k2"), {"owner_email_hash": "e2"})
    back = codes.rehash(code, BY, ("k2", "k1"), {"owner_email_hash": "e1"})
    assert back.changed == there.changed
    assert {found.code for found in codes.hashed_otherwise({"k1"})} == set()
    assert {found.code for found in codes.hashed_otherwise({"k2"})} == {code}


def test_renewing_twice_changes_nothing(codes: CodeService) -> None:
    code = codes.issue(OWNED, BY).code
    first = codes.rehash(code, BY, ("k1", "k2"), {"owner_email_hash": "e2"})
    second = codes.rehash(code, BY, ("k1", "k2"), {"owner_email_hash": "e2"})
    assert first.changed.revision == second.changed.revision
    assert [act.act for act in codes.audit(code)] == ["issued", "changed"]


def test_hashes_without_a_key_are_the_former_one_s(codes: CodeService) -> None:
    code = codes.issue(UNNAMED, BY).code
    renewed = codes.rehash(code, BY, ("k1", "k2"), {"owner_email_hash": "e2"}).changed
    assert (renewed.owner_email_hash, renewed.owner_device_hash) == ("k2:e2 k1:e1", "k1:d1")


def test_codes_of_keys_that_are_not_known_are_listed(codes: CodeService) -> None:
    known = codes.issue(replace(SUMMER, owner_email_hash="k2:e1"), BY).code
    alike = codes.issue(replace(SUMMER, owner_email_hash="k22:e1"), BY).code
    capital = codes.issue(replace(SUMMER, owner_email_hash="K2:e1"), BY).code
    partly = codes.issue(OWNED, BY).code
    codes.rehash(partly, BY, ("k1", "k2"), {"owner_email_hash": "e2"})
    unnamed = codes.issue(UNNAMED, BY).code
    codes.issue(SUMMER, BY)
    found = {code.code for code in codes.hashed_otherwise({"k2"})}
    assert found == {alike, capital, partly, unnamed}
    of_two = {code.code for code in codes.hashed_otherwise({"k1", "k2"})}
    assert of_two == {alike, capital, unnamed}
    assert known not in found


@pytest.mark.parametrize("email", ["e1", "k2:e2"])
def test_codes_taken_over_before_the_key_was_changed_may_be_sent_again(
    codes: CodeService, email: str
) -> None:
    def given(hashed: str, owner: str = "amy") -> list[GivenCode]:
        terms = replace(SUMMER, owner_user_id=owner, owner_email_hash=hashed)
        return [GivenCode(code="AMY1", terms=terms)]

    codes.register(given(email), BY)
    assert codes.register(given("k1:e1"), BY).unchanged == 1
    refused(Why.CLASH, lambda: codes.register(given("k1:e1", owner="eve"), BY))
    codes.rehash("AMY1", BY, ("k1", "k2"), {"owner_email_hash": "e2"})
    assert codes.register(given("k1:e1"), BY).unchanged == 1
    assert codes.register(given("k2:e2"), BY).unchanged == 1
    refused(Why.CLASH, lambda: codes.register(given("k2:e3"), BY))
    if email.startswith("k2:"):
        refused(Why.CLASH, lambda: codes.register(given("k2:other"), BY))


def test_who_signs_up_gets_a_code_that_names_the_key(codes: CodeService) -> None:
    codes.define_format(
        FormatTerms(name="s", pattern="S{body:9}", campaign_id="summer", on_signup=True), BY
    )
    amy = Signup(user_id="amy", email_hash="e1", hash_key_id="k1")
    (issued,) = codes.issue_at_signup([amy], BY)
    assert (issued.changed.owner_email_hash, issued.changed.owner_ip_hash) == ("k1:e1", None)


def test_a_reissued_code_keeps_the_key_of_its_owner(codes: CodeService) -> None:
    code = codes.issue(OWNED, BY).code
    assert codes.reissue(code, BY).new.changed.owner_email_hash == "k1:e1"
