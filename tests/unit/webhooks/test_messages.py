"""Messages and their signatures."""

import json
import time

import pytest
from standardwebhooks import Webhook
from support.fulfilment import an_order

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import Purchase
from reftrail.testing import click
from reftrail.webhooks.messages import message_of
from reftrail.webhooks.model import LogPlace, SigningKey
from reftrail.webhooks.receivers import check_topics, check_url
from reftrail.webhooks.signing import signed_headers

PLACE = LogPlace("reward-granted", 3, 17)
OLD = SigningKey("k1", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
NEW = SigningKey("k2", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")


def test_a_message_has_type_time_place_and_all_fields() -> None:
    found = json.loads(message_of(an_order(1), PLACE).body)
    assert found.pop("data")["reward_id"] == an_order(1).reward_id
    assert found == {
        "type": "reward_granted",
        "timestamp": "1970-01-01T00:00:01.000Z",
        "topic": "reward-granted",
        "partition": 3,
        "offset": 17,
    }


def test_an_id_follows_from_the_record_and_not_from_its_place() -> None:
    one = message_of(an_order(1), PLACE)
    assert one.message_id == message_of(an_order(1), PLACE._replace(offset=99)).message_id
    assert "." not in one.message_id, "the standard forbids it"
    others = {
        message_of(an_order(2), PLACE).message_id,
        message_of(an_order(1), PLACE._replace(topic="rewards")).message_id,
    }
    assert len(others | {one.message_id}) == 3


def test_events_of_two_types_or_keys_may_have_one_id() -> None:
    seen = click("A", at="10:00")
    bought = Purchase(
        event_id=seen.event_id,
        event_time=1,
        received_at=1,
        user_id="u",
        order_id="o",
        amount_micros=1,
        currency="EUR",
    )
    place = LogPlace("events", 0, 0)
    first, second = message_of(seen, place), message_of(bought, place)
    assert (first.kind, second.kind) == ("event.click", "event.purchase")
    assert first.message_id != second.message_id


def test_the_vector_of_the_standard() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks, written out there."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', [OLD], 1614265330
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("key", [OLD, NEW])
def test_either_key_of_a_rotation_verifies(key: SigningKey) -> None:
    headers = signed_headers("msg_1", "{}", [NEW, OLD], int(time.time()))
    Webhook(key.secret).verify("{}", headers)
    assert headers["webhook-key-ids"] == "k2 k1"


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.example", "ftp://shop.example/", "https://", "https://amy@shop.example/"),
        *("https://shop.example/#x", "https://shop.example/a b", "https://sh\u00f6p.example/"),
        *("https://shop.example:0/", "https://shop.example:99999/", "https://[::1/", "//a/b"),
        *("https://shop.example\\@evil.example/", "https://shop.example/\n"),
        "https://shop.example/" + "x" * 2_000,
    ],
)
def test_what_is_no_receiver(url: str) -> None:
    with pytest.raises(ExpectedError, match="is no address of a receiver; give one such as"):
        check_url(url)


def test_topics_are_public_ones() -> None:
    assert check_topics(["rewards", "events", "rewards"]) == ["rewards", "events"]
    for names in (["api-keys"], ["reward-inputs"], ["touch-changelog"], ["x"], []):
        with pytest.raises(ExpectedError, match="there are events, codes, "):
            check_topics(names)
