"""API keys that a host knows: from its environment, and from the topic."""

import pytest
from support.authorizing import stored

from reftrail.contracts.api_keys import Scope, hash_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.edge.api_keys import ApiKeys, keys


class Clock:
    at = 1_000

    def __call__(self) -> int:
        return self.at


def test_keys_of_the_environment_may_do_all_of_their_kind() -> None:
    known = keys(["s1", "s2"], ["p1"])
    secret, page = known.find("s2"), known.find("p1")
    assert secret is not None
    assert page is not None
    assert (secret.kind, secret.scopes) == (KeyKind.SECRET, frozenset(Scope))
    assert (page.kind, page.scopes) == (KeyKind.PUBLISHABLE, frozenset())
    assert secret.name == hash_of("s2")[:12]
    for other in ("", "s", "s2 ", "\udcff"):
        assert known.find(other) is None
    with pytest.raises(ExpectedError, match="both"):
        keys(["x"], ["x"])


def test_a_stored_key_is_good_until_it_expires_or_is_revoked() -> None:
    clock = Clock()
    known = ApiKeys({}, clock)
    known.take(stored("shop", "sk_a", scopes=["events:write"], expires_at=2_000))
    found = known.find("sk_a")
    assert found is not None
    assert (found.name, found.scopes) == ("shop", frozenset({"events:write"}))
    clock.at = 2_000
    assert known.find("sk_a") is None
    known.take(stored("shop", "sk_a", revision=2))
    assert known.find("sk_a") is not None
    known.take(stored("shop", "sk_a", revision=3, revoked_at=2_000))
    known.take(stored("shop", "sk_a", revision=2))  # written again by a relay that died
    assert known.find("sk_a") is None


def test_both_texts_of_a_rotation_are_one_key_until_the_earlier_one_ends() -> None:
    clock = Clock()
    known = ApiKeys({}, clock)
    known.take(stored("shop", "sk_a"))
    rotated = stored(
        "shop", "sk_b", revision=2, previous_hash=hash_of("sk_a"), previous_until=2_000
    )
    known.take(rotated)
    names = [found and found.name for found in map(known.find, ("sk_a", "sk_b"))]
    assert names == ["shop", "shop"]
    assert {caller.key_id for caller in known.take_uses()} == {
        hash_of(text)[:12] for text in ("sk_a", "sk_b")
    }
    clock.at = 2_000
    assert known.find("sk_a") is None
    known.take(
        stored("shop", "sk_c", revision=3, previous_hash=hash_of("sk_b"), previous_until=9_000)
    )
    assert known.find("sk_a") is None
    assert known.find("sk_b") is not None
    known.drop("shop")
    assert known.find("sk_b") is None
    assert known.find("sk_c") is None


def test_uses_are_told_once_each() -> None:
    clock = Clock()
    known = ApiKeys({}, clock)
    known.take(stored("shop", "sk_a"))
    known.find("sk_a")
    clock.at = 1_500
    known.find("sk_a")
    known.find("sk_wrong")
    assert list(known.take_uses().values()) == [1_500]
    assert known.take_uses() == {}


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://shop.example", True),
        ("https://www.shop.example", True),
        ("https://a.b.shop.example", True),
        ("http://localhost:3000", True),
        ("http://shop.example", False),
        ("https://shop.example:8443", False),
        ("https://evilshop.example", False),
        ("https://shop.example.evil.example", False),
        ("https://.shop.example.evil.example", False),
        ("https://.shop.example", False),
        ("https://" + "a." * 200 + "shop.example", False),
        ("http://localhost", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin: str, is_allowed: bool) -> None:
    clock = Clock()
    known = ApiKeys({}, clock)
    allowed = ["https://shop.example", "https://*.shop.example", "http://localhost:3000"]
    known.take(stored("page", "pk_a", "publishable", origins=allowed, expires_at=2_000))
    found = known.find("pk_a")
    assert found is not None
    assert found.allows_origin(origin) == known.allows_origin(origin) == is_allowed
    clock.at = 2_000
    assert not known.allows_origin(origin)
