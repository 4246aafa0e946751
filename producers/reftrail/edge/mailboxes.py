"""Mailbox of an e-mail address, where several addresses lead to the same one.

Only what the provider itself documents is left out: another's dots and tags may tell two people
apart. Two providers have such addresses, and none of them can be recognised by a name:

- Yahoo's disposable addresses (`base-keyword`) have a base that the user chooses, which isn't the
  account's name, and names may have a hyphen themselves
  (help.yahoo.com/help/uk/bt/tutorials/mail/addressguard2.html).
- Microsoft's and Fastmail's domains are apart: amy@outlook.com needn't be amy@hotmail.com.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

import idna

LONGEST_DOMAIN: Final = 64
"""Characters of a domain with letters outside ASCII, whose reading takes 20 us for each."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)+"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE: Final = re.compile(r'["\\]')
_BRACKET: Final = re.compile("[()]")
_BRACKET_OR_QUOTED: Final = re.compile(rf"[()]|{_QUOTED.pattern}", re.DOTALL)
_PLAIN: Final = re.compile(r'[^\x00-\x20\x7f"(),:;<>@\[\\\]]+')
"""Names of mailboxes that need no quotes (RFC 5322, section 3.2.3), with dots in any place."""


class _Provider(NamedTuple):
    """Reading of addresses by a provider; all of these deliver `name+tag` to `name`.

    ignored are the characters that it leaves out of a name; hyphens may be dots to it. domain is
    the one to which all others of the provider lead. With subdomains, `anything@name.domain` leads
    to `name@domain` too.
    """

    ignored: str = ""
    domain: str | None = None
    has_subdomains: bool = False
    has_dots_for_hyphens: bool = False


def _of(provider: _Provider, domains: Iterable[str]) -> dict[str, _Provider]:
    return dict.fromkeys(domains, provider)


_OUTLOOK_ELSEWHERE: Final = (
    "at be cl co.il co.nz co.th com.ar com.au com.br com.gr com.pe com.tr com.vn cz de dk es fr hu "
    "id ie in it jp kr lv my ph pt sa sg sk"
)
_HOTMAIL_ELSEWHERE: Final = f"{_OUTLOOK_ELSEWHERE} ca co.jp co.uk com.mx nl no se"
_LIVE_ELSEWHERE: Final = (
    "at be ca cl cn co.uk co.za com.ar com.au com.mx com.pt de dk fi fr hk ie in it jp nl no ru se"
)


def _outlook_domains() -> Iterable[str]:
    """The domains of Microsoft's free service outside the United States."""
    for name, countries in (
        ("outlook", _OUTLOOK_ELSEWHERE),
        ("hotmail", _HOTMAIL_ELSEWHERE),
        ("live", _LIVE_ELSEWHERE),
    ):
        yield from (f"{name}.{country}" for country in countries.split())


_PROVIDERS: Final[dict[str, _Provider]] = {
    # Dots: https://support.google.com/mail/answer/7436150
    # +tag: https://support.google.com/mail/answer/22370
    # googlemail.com: https://support.google.com/mail/answer/10313
    **_of(_Provider(ignored=".", domain="gmail.com"), ("gmail.com", "googlemail.com")),
    # +tag, and no more:
    # https://learn.microsoft.com/exchange/recipients-in-exchange-online/plus-addressing-in-exchange-online
    # of the free service: https://www.instantfundas.com/2013/09/outlookcom-now-supports-email-aliases.html
    # in other countries:
    # https://blogs.office.com/2013/04/17/outlook-com-gets-two-step-verification-sign-in-by-alias-and-new-international-domains/
    **_of(_Provider(), ("outlook.com", "hotmail.com", "live.com", "msn.com")),
    **_of(_Provider(), _outlook_domains()),
    # +tag: https://support.apple.com/guide/icloud/mm6b1a490a (name+text@icloud.com)
    # me.com, mac.com: https://support.apple.com/118230 (their owners have icloud.com as well)
    **_of(_Provider(domain="icloud.com"), ("icloud.com", "me.com", "mac.com")),
    # +tag and subdomains: https://www.fastmail.help/hc/en-us/articles/360060591053
    **_of(_Provider(has_subdomains=True), ("fastmail.com", "fastmail.fm")),
    # +tag, domains: https://proton.me/support/addresses-and-aliases (the same name in each)
    # Dots, hyphens, underscores: https://proton.me/support/change-username
    **_of(
        _Provider(ignored=".-_", domain="proton.me"),
        ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
    ),
    # Dots and hyphens are the same: https://yandex.com/support/passport/authorization/registration.html
    # All domains are one account's: https://yandex.com/support/id/authorization/email.html
    # Names have no +: https://yandex.com/support/domain/domain/mail.html
    **_of(
        _Provider(domain="yandex.ru", has_dots_for_hyphens=True),
        ("yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua"),
    ),
}
"""Providers by domain."""


def canonical_mailbox(address: str) -> str:
    """One spelling for all addresses that lead to the same mailbox, as far as providers say so.

    Case doesn't count, a domain is in ASCII (IDNA). Quotes around a name are not part of it, and
    comments are part of nothing. What can't be read as an address stays.
    """
    plain = without_comments(address).strip()
    name, at, domain = unicodedata.normalize("NFC", plain).lower().rpartition("@")
    name, domain = _unquoted(name), _ascii(domain)
    owner, _, parent = domain.partition(".")
    if name and owner and (known := _PROVIDERS.get(parent)) and known.has_subdomains:
        name, domain = owner, parent
    provider = _PROVIDERS.get(domain)
    if provider is None or not _PLAIN.fullmatch(name):
        return f"{name}{at}{domain}"
    bare = name.partition("+")[0].translate(dict.fromkeys(map(ord, provider.ignored)))
    if provider.has_dots_for_hyphens:
        bare = bare.replace("-", ".")
    return f"{bare}@{provider.domain or domain}" if bare else f"{name}@{domain}"


def without_comments(address: str) -> str:
    """An address without its comments, `amy(from work)@x.example` (RFC 5322, section 3.2.2).

    Programs that send mail leave them out. Within quotes brackets are part of the name. An address
    whose brackets don't match, or of which nothing would be left, stays.
    """
    if "(" not in address:
        return address
    kept, depth, start, place = "", 0, 0, 0
    while found := (_BRACKET if depth else _BRACKET_OR_QUOTED).search(address, place):
        place = found.end()
        if found[0] in "()":
            kept += "" if depth else address[start : found.start()]
            depth += 1 if found[0] == "(" else -1
            start = place
        if depth < 0:
            return address
    kept += address[start:]
    name, _, domain = kept.rpartition("@")
    return kept if depth == 0 and name and domain else address


def _unquoted(name: str) -> str:
    """A name without its quotes, if it needs none; else with no more escapes than it needs.

    RFC 5322, section 3.2.4: quotes, and backslashes before what they quote, are no part of a text.
    """
    if len(name) < 3 or not (name.startswith('"') and _QUOTED.fullmatch(name)):
        return name
    text = _ESCAPED.sub(r"\1", name[1:-1])
    return text if _PLAIN.fullmatch(text) else '"' + _TO_ESCAPE.sub(r"\\\g<0>", text) + '"'


def _ascii(domain: str) -> str:
    """A domain as DNS has it; itself where it is none (RFC 5891), or is too long to look at."""
    if len(domain) > LONGEST_DOMAIN and not domain.isascii():
        return domain
    try:
        return idna.encode(domain.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return domain
