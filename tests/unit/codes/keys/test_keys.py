"""API keys in the store: made, rotated, revoked, and sent to Kafka in the same transaction."""

from typing import Any

import pytest
import sqlalchemy as sa

from reftrail.codes.keys import ApiKeyService, MadeKey, WantedKey
from reftrail.codes.model import ActRefused, By
from reftrail.codes.store import Store, outbox
from reftrail.codes.store.tables import api_keys, installed
from reftrail.contracts.api_keys import ApiKeyChanged, hash_of
from reftrail.contracts.codec import decode_as
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import DAY

NOW = 1_790_000_000_000
BY = By(actor="cli:ann", reason="a new shop")


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: Store, clock: Clock) -> ApiKeyService:
    return ApiKeyService(store, clock)


def secret(name: str = "shop", **fields: Any) -> WantedKey:
    wanted: dict[str, Any] = {"kind": KeyKind.SECRET, "scopes": ("events:write",)} | fields
    return WantedKey(name=name, **wanted)


def page(**fields: Any) -> WantedKey:
    return WantedKey(name="page", kind=KeyKind.PUBLISHABLE, **fields)


def announced(store: Store) -> list[ApiKeyChanged]:
    with store.read() as connection:
        return [
            decode_as(ApiKeyChanged, message.value)
            for message in outbox.first_waiting(connection, 99)
        ]


def test_a_key_is_kept_and_sent_as_a_hash_alone(keys: ApiKeyService, store: Store) -> None:
    made = keys.create(secret(scopes=("codes:*", "events:write")), BY)
    assert made.text.startswith("sk_")
    assert made.record.hash == hash_of(made.text)
    assert made.record.scopes == ["events:write", "codes:read", "codes:write"]
    assert (made.record.actor, made.record.reason) == ("cli:ann", "a new shop")
    assert keys.listed() == announced(store) == [made.record]
    with store.read() as connection:
        rows = connection.execute(sa.select(api_keys)).all()
        values = [message.value for message in outbox.first_waiting(connection, 9)]
    assert made.text not in repr(rows)
    assert not any(made.text.encode() in value for value in values)


def test_two_texts_are_good_during_a_rotation_and_no_third(
    keys: ApiKeyService, store: Store, clock: Clock
) -> None:
    first = keys.create(secret(), BY)
    second = keys.rotate("shop", DAY, BY)
    assert second.text != first.text
    assert second.record.hashes_at(NOW + DAY - 1) == [second.record.hash, first.record.hash]
    assert second.record.hashes_at(NOW + DAY) == [second.record.hash]
    with pytest.raises(ActRefused, match="revoke shop --previous"):
        keys.rotate("shop", DAY, BY)
    clock.at += DAY
    third = keys.rotate("shop", DAY, BY)
    assert third.record.hashes_at(clock.at) == [third.record.hash, second.record.hash]
    assert [key.revision for key in announced(store)] == [1, 2, 3]


def test_the_earlier_text_can_be_ended_at_once(keys: ApiKeyService) -> None:
    keys.create(secret(), BY)
    rotated = keys.rotate("shop", DAY, BY)
    assert keys.end_previous("shop", BY).hashes_at(NOW) == [rotated.record.hash]
    with pytest.raises(ActRefused, match="no earlier text"):
        keys.end_previous("shop", BY)
    assert keys.rotate("shop", 0, BY).record.hashes_at(NOW) != []


def test_a_revoked_key_stays_ended_and_keeps_its_name(keys: ApiKeyService, store: Store) -> None:
    keys.create(secret(), BY)
    keys.rotate("shop", DAY, BY)
    assert keys.revoke("shop", BY).hashes_at(NOW) == []
    keys.revoke("shop", BY)
    assert [key.revision for key in announced(store)] == [1, 2, 3]
    for refused in (
        lambda: keys.rotate("shop", DAY, BY),
        lambda: keys.create(secret(), BY),
        lambda: keys.revoke("nobody", BY),
    ):
        with pytest.raises(ActRefused):
            refused()


def test_an_expired_key_has_no_good_text(keys: ApiKeyService, clock: Clock) -> None:
    made = keys.create(secret(expires_at=NOW + DAY), BY)
    assert made.record.hashes_at(NOW + DAY - 1) == [made.record.hash]
    assert made.record.hashes_at(NOW + DAY) == []
    clock.at += DAY
    with pytest.raises(ActRefused, match="has ended"):
        keys.rotate("shop", DAY, BY)


def test_origins_are_as_browsers_send_them(keys: ApiKeyService) -> None:
    made: MadeKey = keys.create(
        page(
            origins=(
                "HTTPS://Shop.Example:443/",
                "http://localhost:3000",
                "https://*.shop.example",
            ),
            app_ids=("com.example.shop",),
            campaigns=("spring",),
        ),
        BY,
    )
    assert made.text.startswith("pk_")
    assert made.record.origins == [
        "http://localhost:3000",
        "https://*.shop.example",
        "https://shop.example",
    ]
    assert made.record.scopes == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (secret("Shop Server"), "name is"),
        (secret("x" * 65), "name is"),
        (secret("shop\n"), "name is"),
        (secret("0123456789ab"), "from the environment"),
        (secret(scopes=()), "one scope or more"),
        (secret(scopes=("everything",)), "no scope 'everything'"),
        (secret(scopes=("*",)), r"no scope '\*'"),
        (secret(origins=("https://shop.example",)), "for publishable keys"),
        (secret(expires_at=NOW), "expired already"),
        (page(scopes=("events:write",)), "for secret keys"),
        (page(origins=("shop.example",)), "origin"),
        (page(origins=("https://shop.example/path",)), "origin"),
        (page(origins=("*",)), "origin"),
        (page(origins=("https://*",)), "origin"),
        (page(origins=("https://*.com",)), "origin"),
        (page(origins=("null",)), "origin"),
        (page(origins=("https://shop.example:port",)), "origin"),
        (page(origins=("https://user@shop.example",)), "origin"),
        (page(app_ids=("com example",)), "app id"),
        (page(campaigns=("\u200b",)), "campaign"),
    ],
)
def test_keys_that_cant_be(keys: ApiKeyService, wanted: WantedKey, says: str) -> None:
    with pytest.raises(ActRefused, match=says):
        keys.create(wanted, BY)
    assert keys.listed() == []


def test_a_store_of_version_3_is_brought_to_this_one(store: Store, store_url: str) -> None:
    with store.write() as connection:
        connection.execute(sa.text("DROP TABLE api_keys"))
        connection.execute(sa.update(installed).values(version=3))
    store.close()
    opened = Store.open(store_url)
    ApiKeyService(opened).create(secret(), BY)
    assert len(ApiKeyService(opened).listed()) == 1
    opened.close()
