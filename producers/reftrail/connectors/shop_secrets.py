"""Secrets of webhooks with the shops that they are of: `SECRET`, or `SECRET@shop.example`.

Two shops on one installation have orders and customers of the same number, so a secret may say of
which shop it is. Then the shop is in all ids that are the shop's own.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from reftrail.connectors.signatures import WrongSignature

_SHOP: Final = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
_LONGEST_SHOP: Final = 60


class ShopSecret(NamedTuple):
    """A secret; shop is empty where only one shop has the installation."""

    secret: str
    shop: str = ""


def shop_secrets(entries: Iterable[str]) -> list[ShopSecret]:
    """The secrets of a setting. An @ that no host's name follows is part of the secret."""
    return [_read(entry) for entry in entries]


def shop_of(good: Sequence[ShopSecret], sender: str) -> str:
    """The shop of a delivery that some secrets signed; sender is the one that it names.

    A secret of one shop decides by itself, since the name isn't signed. Raises `WrongSignature`.
    """
    shops = {secret.shop for secret in good}
    if len(shops) == 1:
        return shops.pop()
    if sender in shops:
        return sender
    raise WrongSignature(
        f"several shops have this secret, and {sender[:80]!r} is none of them; give each shop as "
        f"SECRET@shop.example"
    )


def _read(entry: str) -> ShopSecret:
    secret, _, shop = entry.rpartition("@")
    is_shop = secret and len(shop) <= _LONGEST_SHOP and _SHOP.fullmatch(shop.lower())
    return ShopSecret(secret, shop.lower()) if is_shop else ShopSecret(entry)
