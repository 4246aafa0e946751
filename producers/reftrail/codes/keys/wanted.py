"""A key as an operator asks for it, checked before anything is written."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from reftrail.codes.model import ActRefused, Why
from reftrail.codes.validation import check_text
from reftrail.contracts.api_keys import ALL_CODES, Scope
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_APP_ID: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?", re.ASCII)
_KEY_ID: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_HOST: Final = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*", re.ASCII)
_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedKey:
    """Name, kind and limits of a key; see `ApiKeyChanged`."""

    name: str
    kind: KeyKind
    scopes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    app_ids: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = field(default=())
    expires_at: Millis | None = None


def checked(wanted: WantedKey, at: Millis) -> WantedKey:
    """The key with its scopes spelt out and in order. Raises `ActRefused` for what can't be."""
    if _KEY_ID.fullmatch(wanted.name):
        raise _refused(
            f"{wanted.name} may be the name of a key from the environment, which is the beginning "
            f"of its hash; give another name"
        )
    if not _NAME.fullmatch(wanted.name):
        raise _refused(
            f"name is {wanted.name[:80]!r}; give 1 to 64 of a-z, 0-9, '.', _ and -, such as "
            f"shop-server: it is in the records of what is done under the key"
        )
    if wanted.expires_at is not None and wanted.expires_at <= at:
        raise _refused("the key would have expired already; give a later end")
    _check_kind(wanted)
    for name in ("origins", "app_ids", "campaigns"):
        if len(getattr(wanted, name)) > _MOST:
            raise _refused(f"a key has at most {_MOST} {name}")
    for campaign in wanted.campaigns:
        check_text("campaign", campaign)
    for app_id in wanted.app_ids:
        if not _APP_ID.fullmatch(app_id):
            raise _refused(f"the app id {app_id[:80]!r} is none such as com.example.shop")
    return WantedKey(
        name=wanted.name,
        kind=wanted.kind,
        scopes=scopes_of(wanted.scopes),
        origins=tuple(sorted({_origin(origin) for origin in wanted.origins})),
        app_ids=tuple(sorted(set(wanted.app_ids))),
        campaigns=tuple(sorted(set(wanted.campaigns))),
        expires_at=wanted.expires_at,
    )


def _check_kind(wanted: WantedKey) -> None:
    """Raises `ActRefused` for limits of the other kind of key."""
    is_secret = wanted.kind is KeyKind.SECRET
    if is_secret and (wanted.origins or wanted.app_ids or wanted.campaigns):
        raise _refused("origins, app ids and campaigns are for publishable keys")
    if is_secret and not wanted.scopes:
        raise _refused(f"give a secret key one scope or more: {_choices()}")
    if not is_secret and wanted.scopes:
        raise _refused(
            "scopes are for secret keys; a publishable one sends view, click, form_started and "
            "identified, and verifies codes"
        )


def scopes_of(given: Iterable[str]) -> tuple[str, ...]:
    """Scopes as they are written, in the order of `Scope`. Raises `ActRefused` for another."""
    asked: set[str] = set()
    for scope in given:
        if scope == ALL_CODES:
            asked |= {Scope.CODES_READ, Scope.CODES_WRITE}
        elif scope in set(Scope):
            asked.add(scope)
        else:
            raise _refused(f"there is no scope {scope[:40]!r}; choose of {_choices()}")
    return tuple(scope.value for scope in Scope if scope in asked)


def _origin(text: str) -> str:
    """An origin as browsers send it. Raises `ActRefused`."""
    refused = _refused(
        f"the origin {text[:80]!r} is none such as https://shop.example, http://localhost:3000 or "
        f"https://*.shop.example"
    )
    try:
        parts = urlsplit(text.strip().rstrip("/").lower())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise refused from None
    is_bare = not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not is_bare or not _HOST.fullmatch(host):
        raise refused
    if host.startswith("*.") and "." not in host[2:]:
        raise refused  # every shop of a top-level domain
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _choices() -> str:
    return ", ".join([ALL_CODES, *Scope])


def _refused(message: str) -> ActRefused:
    return ActRefused(Why.INVALID, message)
