"""A change of the hash key: who refers themselves is still recognised."""

from dataclasses import replace
from pathlib import Path

from support.code_service import AMY
from support.codes import BY, sqlite_url
from support.codes_host import codes_host
from support.collector import HASH_KEY, running_collector
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until

from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.events import Signup
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.edge.pseudonyms import parse_hash_key, pseudonyms

NEW = "k2:" + "7a" * 32
EMAIL = "amy@shop.example"


def test_an_owner_is_hashed_anew_before_the_event_is_written(
    installation: TestInstallation, tmp_path: Path
) -> None:
    url = sqlite_url(tmp_path)
    former, present = pseudonyms(parse_hash_key(HASH_KEY)), pseudonyms(parse_hash_key(NEW))
    store = Store.open(url)
    owned = replace(
        AMY,
        owner_email_hash=f"k1:{former.email(EMAIL)}",
        owner_device_hash=f"k1:{former.device('phone')}",
    )
    code = CodeService(store).issue(owned, BY).code
    unknown = CodeService(store).issue(replace(owned, owner_email_hash="k0:" + "0" * 32), BY).code
    store.close()
    settings = {"hash_key": NEW, "former_hash_key": HASH_KEY, "codes_store": url}
    with (
        codes_host(installation, url, tmp_path / "codes.log"),
        running_collector(installation, tmp_path / "collector.log", **settings) as collector,
        collector.client() as client,
    ):
        wait_until(lambda: len(read_committed(installation, CODES)) == 2, seconds=180)
        collector.wait_ready()
        known = {"type": "view", "visitor_id": "v", "code": unknown}
        assert client.post("/v1/events", json=known).status_code == 202
        signup = {"type": "signup", "user_id": "bob", "code": code, "email": "Amy@Shop.Example"}
        assert client.post("/v1/events", json=signup).status_code == 202
        changed = [logged.record for logged in read_committed(installation, CODES)]
        last = {record.code: record for record in changed}[code]
        renewed_email = f"k2:{present.email(EMAIL)} k1:{former.email(EMAIL)}"
        assert last.owner_email_hash == renewed_email
        assert last.owner_device_hash == f"k1:{former.device('phone')}"
        events = [logged.record for logged in read_committed(installation, EVENTS)]
        (event,) = (found for found in events if isinstance(found, Signup))
        assert (event.email_hash, event.hash_key_id) == (present.email(EMAIL), "k2")
        renewed = 'reftrail_collector_owner_renewals_total{outcome="renewed"}'
        assert collector.metric(renewed) == 1
        assert collector.metric("reftrail_collector_owners_of_unknown_hash_keys") == 1
        assert client.post("/v1/events", json=signup).status_code == 202
        assert collector.metric(renewed) == 1
