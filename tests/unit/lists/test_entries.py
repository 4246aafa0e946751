"""Entries of the lists for what people write."""

import pytest

from reftrail.code_lookup.facts import CodeFacts
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.contracts.external_inputs import Listed, Listing
from reftrail.contracts.installation import Installation
from reftrail.edge.pseudonyms import HashKey, pseudonyms
from reftrail.lists import (
    HASHED,
    ListEntry,
    Subject,
    entries,
    of_other_keys,
    subject_value,
    told_of_other_keys,
)

HASHES = pseudonyms(HashKey("k1", b"0123456789abcdef"))
EVENT = {
    "type": "signup",
    "user_id": "bob",
    "ip": "203.0.113.9",
    "device_id": "d-1",
    "email": "Bob@Example.com",
}


@pytest.mark.parametrize(
    ("subject", "raw", "field"),
    [
        (Subject.IP, "203.0.113.9", "ip_hash"),
        (Subject.IP, " ::ffff:203.0.113.9 ", "ip_hash"),
        (Subject.NETWORK, "203.0.113.0/24", "network_hash"),
        (Subject.NETWORK, "203.0.113.77", "network_hash"),
        (Subject.DEVICE, "d-1", "device_hash"),
        (Subject.EMAIL, "bob@example.COM ", "email_hash"),
    ],
)
def test_a_value_is_listed_by_the_hash_that_events_carry(
    subject: Subject, raw: str, field: str
) -> None:
    circumstances = Circumstances(Sender(KeyKind.SECRET), 5, HASHES, lambda _: CodeFacts())
    (accepted,) = accept([EVENT], circumstances).accepted
    assert subject_value(subject, raw, HASHES) == accepted.datum[field]


def test_a_network_of_ipv6_is_that_of_one_customer() -> None:
    values = {
        subject_value(Subject.NETWORK, raw, HASHES)
        for raw in ("2001:db8:1::/48", "2001:db8:1:2::3", "2001:0db8:0001::")
    }
    assert len(values) == 1


@pytest.mark.parametrize("subject", [Subject.CODE, Subject.USER])
def test_codes_and_users_stand_as_they_are(subject: Subject) -> None:
    assert subject_value(subject, " AMY ", None) == "AMY"


def test_a_code_is_listed_in_its_canonical_form() -> None:
    assert subject_value(Subject.CODE, " Amy-s\n", None) == "AMY-S"
    assert subject_value(Subject.USER, "Amy", None) == "Amy"


def test_a_code_that_an_older_version_listed_as_typed_is_that_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = ListEntry(subject=Subject.CODE, value="Amy", listing=Listing.BLOCK, actor="ann").record(
        5
    )
    off = ListEntry(subject=Subject.CODE, value="AMY", listing=None, actor="ann").record(6)
    monkeypatch.setattr("reftrail.lists.topic.read_all", lambda *_: [typed, off])
    installation = Installation(bootstrap_servers="nowhere:1")
    assert [entry.value for entry in entries(installation, 5)] == ["AMY"]
    assert entries(installation, 6) == []


@pytest.mark.parametrize("subject", HASHED)
def test_without_the_key_nothing_is_listed_raw(subject: Subject) -> None:
    with pytest.raises(ExpectedError, match="set REFTRAIL_HASH_KEY"):
        subject_value(subject, "203.0.113.9", None)


@pytest.mark.parametrize(
    ("subject", "raw", "says"),
    [
        (Subject.IP, "203.0.113.999", "is not an IPv4 or IPv6 address"),
        (Subject.IP, "203.0.113.0/24", "is not an IPv4 or IPv6 address"),
        (Subject.NETWORK, "203.0.113.0/16", "networks of /24"),
        (Subject.NETWORK, "2001:db8::/32", "for IPv6 of /48"),
        (Subject.NETWORK, "x/24", "is no network"),
        (Subject.EMAIL, "bob", "an e-mail address"),
        (Subject.USER, "", "1 to 254 characters"),
        (Subject.DEVICE, "a\nb", "none that is invisible"),
    ],
)
def test_what_cannot_be_listed(subject: Subject, raw: str, says: str) -> None:
    with pytest.raises(ExpectedError) as caught:
        subject_value(subject, raw, HASHES)
    assert says in str(caught.value)


def test_the_record_of_an_entry() -> None:
    entry = ListEntry(
        subject=Subject.USER,
        value="eve",
        listing=Listing.BLOCK,
        actor="ann",
        expires_at=9,
        reason="farm",
    )
    record = entry.record(5)
    assert (record.subject, record.value, record.listing) == ("user", "eve", "block")
    assert (record.event_time, record.expires_at, record.actor) == (5, 9, "ann")
    taken_back = ListEntry(subject=Subject.USER, value="eve", listing=None, actor="ann").record(6)
    assert taken_back.listing is None
    assert record.hash_key_id is None
    assert taken_back.event_id != record.event_id


def listed(subject: Subject, key_id: str | None) -> Listed:
    return ListEntry(
        subject=subject,
        value=f"{subject} of {key_id}",
        listing=Listing.BLOCK,
        actor="ann",
        hash_key_id=key_id,
    ).record(5)


def test_only_hashes_are_of_a_key() -> None:
    of_a_key = {subject for subject in Subject if listed(subject, "k1").hash_key_id == "k1"}
    assert of_a_key == set(HASHED)


def test_entries_of_other_keys_are_told_as_far_as_that_is_known() -> None:
    found = [listed(Subject.IP, key) for key in ("k1", "k0", None)]
    found += [listed(Subject.USER, "k0"), listed(Subject.EMAIL, "k-1")]
    assert of_other_keys(found, "k1") == [found[1], found[4]]
    said = told_of_other_keys(found, "k1") or ""
    assert said.startswith(
        "2 entries were made under another hash key (k-1, k0) than the one given here (k1)"
    )
    assert (told_of_other_keys(found[:2], "k1") or "").startswith("1 entry was made under")
    assert told_of_other_keys(found[:1], "k1") is None
