"""Owners under a former hash key: found by their hashes, and counted where nobody knows the key."""

from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from reftrail.code_lookup.codes_reader import CodesReader
from reftrail.codes.model import ActRefused, By, Why
from reftrail.codes_api.store_access import Backend
from reftrail.collector.interfaces import Signals
from reftrail.collector.owners import MOST_CODES, OwnerHashes, Renewal
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CodeChanged
from reftrail.edge.pseudonyms import parse_hash_key, pseudonyms


def code(name: str, revision: int = 1, **hashes: Any) -> CodeChanged:
    return CodeChanged(
        event_id=f"{name}{revision}",
        event_time=1,
        received_at=1,
        code=name,
        campaign_id="summer",
        created_at=1,
        revision=revision,
        **hashes,
    )


def owners(former: str | None = "k1") -> tuple[OwnerHashes, list[int]]:
    unknown: list[int] = []
    return OwnerHashes("k2", former, unknown.append), unknown


def test_an_owner_is_found_by_the_former_hash() -> None:
    known, unknown = owners()
    known.take(code("AMY", owner_email_hash="k1:e", owner_device_hash="k1:d"))
    known.take(code("OLD", owner_email_hash="e"))
    known.take(code("NEW", owner_email_hash="k2:e"))
    known.take(code("BARE"))
    assert known.having({"owner_email_hash": "e", "owner_device_hash": "d"}) == {
        "AMY": {"owner_email_hash", "owner_device_hash"},
        "OLD": {"owner_email_hash"},
    }
    assert known.having({"owner_device_hash": "e"}) == {}
    assert len(known) == 2
    assert unknown == []


def test_an_owner_who_has_the_present_key_s_hash_isn_t_renewed() -> None:
    """Whichever of the two comes first: collectors of both keys run while it is being changed."""
    known, unknown = owners()
    known.take(code("AMY", owner_email_hash="k2:x k1:e"))
    known.take(code("BOB", owner_email_hash="k1:e k2:x"))
    known.take(code("OLD", owner_email_hash="k1:e k0:z"))
    assert known.having({"owner_email_hash": "e"}) == {"OLD": {"owner_email_hash"}}
    assert unknown == []
    alone, unknown = owners(former=None)
    alone.take(code("AMY", owner_email_hash="k2:x k1:e"))
    assert unknown == []


def test_a_renewed_or_deleted_code_is_found_no_more() -> None:
    known, _ = owners()
    known.take(code("AMY", owner_email_hash="k1:e", owner_device_hash="k1:d"))
    known.take(code("AMY", 2, owner_email_hash="k2:x", owner_device_hash="k1:d"))
    assert known.having({"owner_email_hash": "e"}) == {}
    assert known.having({"owner_device_hash": "d"}) == {"AMY": {"owner_device_hash"}}
    known.drop("AMY")
    known.drop("AMY")
    assert len(known) == 0
    assert known.having({"owner_device_hash": "d"}) == {}


def test_owners_under_keys_that_nobody_knows_are_counted() -> None:
    known, unknown = owners(former=None)
    known.take(code("AMY", owner_email_hash="k1:e"))
    known.take(code("BOB", owner_email_hash="k1:e", owner_device_hash="k2:d"))
    known.take(code("OLD", owner_email_hash="e"))
    assert unknown[-1] == 2
    known.take(code("AMY", 2, owner_email_hash="k2:e"))
    assert unknown[-1] == 1
    known.drop("BOB")
    assert unknown[-1] == 0
    assert len(known) == 0


FORMER, PRESENT = (pseudonyms(parse_hash_key(f"k{n}:{n * 32}")) for n in ("11", "22"))
SEEN = Signals(None, "203.0.113.7", "amy@shop.example")


class Renewed:
    """Renewals with a store that refuses some codes, and their outcomes."""

    def __init__(self, known: OwnerHashes, *, gone: str = "", is_published: bool = True) -> None:
        self.codes: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.waits = 0
        self._gone = gone
        self._is_published = is_published
        backend: Any = SimpleNamespace(is_configured=True)
        self.renewal = Renewal(known, PRESENT, FORMER, backend, self._count)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def rehash(self, code: str, _by: By, keys: tuple[str, str], hashes: Mapping[str, str]) -> None:
        assert keys == ("k11", "k22")
        assert hashes
        if code == self._gone:
            raise ActRefused(Why.NOT_FOUND, "gone")
        self.codes.append(code)

    async def published(self, _backend: Any, do: Callable[[Any], None]) -> bool:
        self.waits += 1
        do(SimpleNamespace(service=self))
        return self._is_published


def of_a_network(count: int) -> OwnerHashes:
    """The codes of as many neighbours of Amy, and her own."""
    known = OwnerHashes(PRESENT.key_id, FORMER.key_id, lambda _: None)
    _, network = FORMER.address("203.0.113.7")
    for number in range(count):
        known.take(code(f"A{number}", owner_network_hash=f"{FORMER.key_id}:{network}"))
    known.take(code("ZOE", owner_email_hash=f"{FORMER.key_id}:{FORMER.email(SEEN.email or '')}"))
    return known


async def test_a_person_s_own_codes_come_before_those_of_their_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of more codes than one event renews, those past the bound are counted."""
    done = Renewed(of_a_network(MOST_CODES))
    monkeypatch.setattr("reftrail.collector.owners.published", done.published)
    await done.renewal.renew([SEEN, SEEN])
    assert done.codes[0] == "ZOE"
    assert done.outcomes == {"renewed": MOST_CODES, "put_off": 1}
    assert done.waits == 1, "Kafka is waited for once, however many codes there are"


async def test_a_code_that_is_gone_keeps_no_other_from_being_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = Renewed(of_a_network(2), gone="A0")
    monkeypatch.setattr("reftrail.collector.owners.published", done.published)
    await done.renewal.renew([SEEN])
    assert done.codes == ["ZOE", "A1"]
    assert done.outcomes == {"renewed": 2, "failed": 1}


async def test_what_kafka_doesn_t_have_in_time_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Renewed(of_a_network(1), is_published=False)
    monkeypatch.setattr("reftrail.collector.owners.published", done.published)
    await done.renewal.renew([SEEN])
    assert done.outcomes == {"failed": 2}


def test_without_a_store_nothing_is_renewed_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    renewal = Renewal(
        of_a_network(1), PRESENT, FORMER, Backend(None, None), Renewed(of_a_network(1))._count
    )
    assert renewal.is_idle
    assert "aren't renewed: this collector has no store of codes" in caplog.text


def test_an_earlier_revision_that_is_read_again_changes_nothing() -> None:
    """A topic is read from its beginning when a reader connects anew."""
    known, _ = owners()
    reader = CodesReader(
        Installation(bootstrap_servers="nowhere:9092"),
        None,
        on_progress=lambda _: None,
        on_undecodable=lambda: None,
        watching=known,
    )
    reader._take(code("AMY", 2, owner_email_hash="k2:x"))
    reader._take(code("AMY", 1, owner_email_hash="k1:e"))
    assert known.having({"owner_email_hash": "e"}) == {}
