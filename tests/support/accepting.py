"""Submitted events, and how the collector judges them."""

from typing import Any

from reftrail.code_lookup.facts import CodeFacts
from reftrail.collector.accept import Acceptance, Circumstances, Sender, accept
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.events import Event, KeyKind, event_key
from reftrail.contracts.registry import latest
from reftrail.edge.pseudonyms import HashKey, pseudonyms

NOW = 1_750_000_000_000


SECRET = Sender(KeyKind.SECRET, ip="10.1.1.1", user_agent="python-httpx/0.28")


BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


PUBLISHABLE = Sender(KeyKind.PUBLISHABLE, ip="203.0.113.7", user_agent=BROWSER)


HASHED = pseudonyms(HashKey("k1", b"0123456789abcdef"))


CODES = {
    "AMY1": CodeFacts("summer", "retail", "mail", "AMY1"),
    "BARE": CodeFacts("winter", code="BARE"),
}


NEEDED: dict[str, dict[str, Any]] = {
    "view": {"visitor_id": "v"},
    "click": {"visitor_id": "v"},
    "form_started": {"visitor_id": "v"},
    "signup": {"user_id": "u"},
    "purchase": {"user_id": "u", "order_id": "o", "amount": "19.99", "currency": "EUR"},
    "refund": {"user_id": "u", "order_id": "o"},
}


FULL: dict[str, Any] = {
    "event_id": "0190A6B0-5C4E-7D3A-9F51-0A1B2C3D4E5F",
    "event_time": "2025-06-15T12:00:00.123+02:00",
    "visitor_id": "v",
    "user_id": "u",
    "code": "AMY1",
    "campaign_id": "own",
    "category": "books",
    "channel": "phone",
    "source": "portal",
    "device_id": "device-1",
    "ip": "198.51.100.77",
    "user_agent": BROWSER,
    "country": "DE",
    "email": " Amy@Example.com ",
    "order_id": "o",
    "amount": "19.99",
    "currency": "EUR",
    "properties": {"page": "/x", "n": [1, 2.5, None]},
}


def judged(
    *items: Any, sender: Sender = SECRET, now: int = NOW, codes: bool = True, skew: int = 0
) -> Acceptance:
    lookup = CODES.get if codes else None
    return accept(items, Circumstances(sender, now, HASHED, lookup, skew))


def taken(item: Any, sender: Sender = SECRET, now: int = NOW, codes: bool = True) -> Event:
    outcome = judged(item, sender=sender, now=now, codes=codes)
    assert outcome.rejected == []
    (accepted,) = outcome.accepted
    event = decode(encode_datum(latest("Event"), accepted.datum))
    assert isinstance(event, Event)
    assert accepted.key == event_key(event)
    return event


def refused(item: Any, sender: Sender = SECRET) -> tuple[str, str]:
    outcome = judged(item, sender=sender)
    assert outcome.accepted == []
    (rejection,) = outcome.rejected
    assert rejection.index == 0
    return rejection.pointer, rejection.reason
