"""Pseudonyms: keyed hashes in place of data that identifies a person.

HMAC-SHA-256, cut to 128 bits, in hex. What is hashed is brought into one form first, so that the
same address or mailbox gives the same hash however it was written, and is marked with its kind, so
that an address never hashes like an e-mail of the same characters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_network
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.edge.mailboxes import canonical_mailbox

_HEX_DIGITS: Final = 32  # 128 bits
_BLOCK: Final = 64  # bytes that SHA-256 takes at once
_SHORTEST_KEY: Final = 16


@dataclass(frozen=True, slots=True)
class HashKey:
    """A key and its id, which is kept beside every hash made with it."""

    key_id: str
    secret: bytes

    def __repr__(self) -> str:
        """Without the secret: this may end up in a log."""
        return f"HashKey({self.key_id!r})"


def parse_hash_key(text: str) -> HashKey:
    """The key in "keyid:hexsecret". Raises `ExpectedError`, without repeating the secret."""
    key_id, _, digits = text.partition(":")
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = b""
    if not key_id or len(secret) < _SHORTEST_KEY:
        raise ExpectedError(
            "REFTRAIL_HASH_KEY must be an id, a colon and at least 32 hex digits, such as "
            "k1:$(openssl rand -hex 32)"
        )
    if not any(secret):
        raise ExpectedError(
            "REFTRAIL_HASH_KEY consists of zeros: anyone could compute the pseudonyms that it "
            "makes; set one of random digits, such as k1:$(openssl rand -hex 32)"
        )
    return HashKey(key_id, secret)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The hash functions of one key; each remembers the values that it met last."""

    key_id: str
    device: Callable[[str], str]
    email: Callable[[str], str]
    address: Callable[[str], tuple[str, str]]
    """(ip hash, network hash) of an address in its normal form.

    Of an IPv6 address the ip hash is that of its /64; the network is the /24 or /48 around it.
    """

    def of_owner(self, device_id: str | None, ip: str | None, email: str | None) -> dict[str, str]:
        """The hashes of the signals that are there, by the fields of a code's record."""
        found: dict[str, str] = {}
        if device_id:
            found["owner_device_hash"] = self.device(device_id)
        if ip:
            found["owner_ip_hash"], found["owner_network_hash"] = self.address(ip)
        if email:
            found["owner_email_hash"] = self.email(email)
        return found


def pseudonyms(key: HashKey) -> Pseudonyms:
    """The functions of a key."""
    digest = _hmac_sha256(key.secret)

    @lru_cache(maxsize=16_384)
    def device(device_id: str) -> str:
        return digest(b"device\0", device_id)

    @lru_cache(maxsize=16_384)
    def email(address: str) -> str:
        return digest(b"email\0", canonical_mailbox(address))

    @lru_cache(maxsize=16_384)
    def address(ip: str) -> tuple[str, str]:
        return digest(b"ip\0", household_of(ip)), digest(b"network\0", network_of(ip))

    return Pseudonyms(key.key_id, device, email, address)


def _hmac_sha256(secret: bytes) -> Callable[[bytes, str], str]:
    """The digest of a kind and a value under a key.

    What both hashes of an HMAC begin with follows from the key alone (RFC 2104, section 4), and is
    hashed once: `hmac.digest` takes two and a half times as long.
    """
    block = (sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block))
    outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(kind: bytes, value: str) -> str:
        within = inner.copy()
        within.update(kind + value.encode())
        around = outer.copy()
        around.update(within.digest())
        return around.hexdigest()[:_HEX_DIGITS]

    return digest


def household_of(ip: str) -> str:
    """The connection that an address in its normal form is of: itself, or the /64 of IPv6.

    Each device of a home has addresses of its own in there, takes others by the day (RFC 8981),
    and may choose any of them.
    """
    return str(ip_network(f"{ip}/64", strict=False)) if ":" in ip else ip


def network_of(ip: str) -> str:
    """The network around an address in its normal form: /24, or /48 for IPv6 (one customer's)."""
    if ":" in ip:
        return str(ip_network(f"{ip}/48", strict=False))
    return ip.rpartition(".")[0] + ".0/24"
