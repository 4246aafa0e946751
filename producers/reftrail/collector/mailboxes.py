"""The mailbox that an e-mail address leads to, for addresses of which several lead to one.

Only what the provider itself documents is left out: another's dots and tags may tell two people
apart. Yahoo's disposable addresses (`base-keyword`) are not here: their base is a name of its own,
which isn't the account's.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

import idna


class _Provider(NamedTuple):
    """What a provider ignores in the part before the @; domain is where it says all mail goes."""

    ignores_dots: bool = False
    domain: str | None = None


def _of(provider: _Provider, domains: Iterable[str]) -> dict[str, _Provider]:
    return dict.fromkeys(domains, provider)


_TAGGED: Final[dict[str, _Provider]] = {
    # Dots: https://support.google.com/mail/answer/7436150
    # +tag: https://support.google.com/mail/answer/22370
    # googlemail.com: https://support.google.com/mail/answer/10313
    **_of(_Provider(ignores_dots=True, domain="gmail.com"), ("gmail.com", "googlemail.com")),
    # https://learn.microsoft.com/exchange/recipients-in-exchange-online/plus-addressing-in-exchange-online
    **_of(_Provider(), ("outlook.com", "hotmail.com", "live.com", "msn.com")),
    # https://support.apple.com/guide/icloud/mm6b1a490a (name+text@icloud.com)
    **_of(_Provider(), ("icloud.com", "me.com", "mac.com")),
    # https://www.fastmail.help/hc/en-us/articles/360060591053
    **_of(_Provider(), ("fastmail.com", "fastmail.fm")),
    # https://proton.me/support/addresses-and-aliases
    **_of(_Provider(), ("proton.me", "protonmail.com", "protonmail.ch", "pm.me")),
}
"""The providers that deliver `name+tag` to `name`, by domain."""


def canonical_mailbox(address: str) -> str:
    """One spelling for all addresses that lead to the same mailbox, as far as providers say so.

    Case doesn't count, a domain is in ASCII (IDNA). What can't be read as an address stays.
    """
    name, at, domain = unicodedata.normalize("NFC", address.strip()).lower().rpartition("@")
    domain = _ascii(domain)
    provider = _TAGGED.get(domain)
    if provider is None:
        return f"{name}{at}{domain}"
    bare = name.partition("+")[0]
    if provider.ignores_dots:
        bare = bare.replace(".", "")
    return f"{bare or name}@{provider.domain or domain}"


def _ascii(domain: str) -> str:
    """A domain as DNS has it; itself where it is none (RFC 5891)."""
    try:
        return idna.encode(domain.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return domain
