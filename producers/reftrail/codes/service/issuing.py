"""Issuing of codes that the store must know: drawn, counted or chosen."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.formats.vanity import ChoiceRefused, choose
from reftrail.codes.model import ActRefused, Code, Format, FormatTerms, Origin, Signup, Terms, Why
from reftrail.codes.service.format_admin import define, named
from reftrail.codes.service.generation import CodeGenerator, pattern_of
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.codes.service.one_per_user import Scopes, held
from reftrail.codes.store.reading import find_codes, used_of
from reftrail.codes.store.writing import UnitOfWork
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeAct, CodeChanged, FormatKind, FormatStatus, named_hash

logger = logging.getLogger(__name__)

MOST_RETRIES: Final = 5
"""Draws in a row for one code before the format is said to be full."""

DEFAULT_FORMAT: Final = FormatTerms(name="random", pattern="REF{body:9}")
"""Defined when the first code is issued under it."""


@dataclass(frozen=True, slots=True)
class Issuing:
    """Context of issuing beside the transaction. signup: see `Scopes`."""

    secret: MasterSecret | None
    metrics: CodeMetrics
    signup: bool = False


def issue(
    work: UnitOfWork,
    terms: Sequence[Terms],
    format_name: str | None,
    values: Mapping[str, str],
    given: Issuing,
) -> list[Code]:
    """A code for each of the terms, under the format named or the one that fits each campaign.

    A user who holds the only code allowed gets that one. Raises `ConcurrentUpdate` if another
    transaction gave a user a code meanwhile.
    """
    formats: Sequence[Format] = work.formats()
    generators: dict[str, CodeGenerator] = {}
    chosen: dict[str, CodeGenerator] = {}
    for campaign_id in {code_terms.campaign_id for code_terms in terms}:
        formats = with_default(work, formats, format_name, campaign_id, given.secret)
        of = format_for(formats, format_name, campaign_id)
        chosen[campaign_id] = generators.setdefault(
            of.defined.name, CodeGenerator(of, values, work.count_on)
        )
    drawings_of = [chosen[code_terms.campaign_id] for code_terms in terms]
    scopes = Scopes(formats, signup=given.signup)
    keys = [scopes.key(code_terms.campaign_id, code_terms.owner_user_id) for code_terms in terms]
    holding = held(work, {key for key in keys if key is not None})
    first: dict[tuple[str, str], int] = {}
    drawn_at = [
        place if key is None else first.setdefault(key, place) for place, key in enumerate(keys)
    ]
    places = [at for place, at in enumerate(drawn_at) if at == place and keys[at] not in holding]
    drawn = insert_drawn(work, terms, drawings_of, places, given.metrics)
    work.note_holdings((*key, drawn[at].code) for key, at in first.items() if key not in holding)
    kept = find_codes(work.connection, set(holding.values()))
    return [
        kept[holding[key]] if key is not None and key in holding else drawn[at]
        for key, at in zip(keys, drawn_at, strict=True)
    ]


def issue_chosen(work: UnitOfWork, wanted: str, terms: Terms, formats: Sequence[Format]) -> Code:
    """A code that a person chose. Raises `ActRefused`: INVALID, with a suggestion, or CLASH."""
    active = [format_ for format_ in formats if format_.defined.status == FormatStatus.ACTIVE]
    match choose(wanted, [pattern_of(format_.defined.pattern) for format_ in active]):
        case ChoiceRefused(_, message, suggestion):
            raise ActRefused(Why.INVALID, message, suggestion)
        case accepted:
            draft = draft_of(accepted.code, terms, Origin.CHOSEN, work.at)
    key = Scopes(formats).key(terms.campaign_id, terms.owner_user_id)
    if key is not None and (holding := held(work, [key])):
        raise ActRefused(
            Why.CLASH,
            f"{terms.owner_user_id} has the code {holding[key]}, and may have one only; "
            f"reissue that one",
        )
    inserted = work.insert(CodeAct.ISSUED, [draft], {accepted.code: accepted.skeleton})
    if not inserted:
        raise ActRefused(Why.CLASH, f"{accepted.code}, or a code that looks like it, is taken")
    if key is not None:
        work.note_holdings([(*key, accepted.code)])
    return inserted[accepted.code]


def issue_at_signup(work: UnitOfWork, users: Sequence[Signup], given: Issuing) -> list[Code]:
    """A code for each user under each format that is on_signup; users who have one keep it."""
    return [
        code
        for format_ in work.formats()
        if format_.on_signup and format_.defined.status == FormatStatus.ACTIVE
        for code in issue(work, _signup_terms(users, format_), format_.defined.name, {}, given)
    ]


def _signup_terms(users: Iterable[Signup], of: Format) -> list[Terms]:
    """On which terms those who have signed up get codes of a format."""
    return [
        Terms(
            campaign_id=str(of.defined.campaign_id),
            owner_user_id=user.user_id,
            owner_device_hash=named_hash(user.hash_key_id, user.device_hash),
            owner_ip_hash=named_hash(user.hash_key_id, user.ip_hash),
            owner_network_hash=named_hash(user.hash_key_id, user.network_hash),
            owner_email_hash=named_hash(user.hash_key_id, user.email_hash),
        )
        for user in users
    ]


def draft_of(
    code: str,
    terms: Terms,
    origin: Origin,
    created_at: Millis,
    of: Format | None = None,
) -> Code:
    """A code as it is to be inserted; what the terms leave open, the format may say."""
    given = {
        "campaign_id": terms.campaign_id,
        "owner_user_id": terms.owner_user_id,
        "expires_at": terms.expires_at,
        "max_uses": terms.max_uses,
        "max_distributes": terms.max_distributes,
        "notes": terms.notes,
        "record_kind": terms.record_kind,
        "record_id": terms.record_id,
        "owner_device_hash": terms.owner_device_hash,
        "owner_ip_hash": terms.owner_ip_hash,
        "owner_network_hash": terms.owner_network_hash,
        "owner_email_hash": terms.owner_email_hash,
    }
    defined = of.defined if of else None
    changed = CodeChanged(
        event_id="",
        event_time=0,
        received_at=0,
        code=code,
        created_at=created_at,
        origin=origin,
        category=terms.category or (defined.category if defined else None),
        channel=terms.channel or (defined.channel if defined else None),
        channels=list(terms.channels),
        regions=[region.upper() for region in terms.regions],
        **given,  # type: ignore[arg-type]
    )
    name = defined.name if defined else None
    return Code(changed=changed, format_name=name, channel_limits=dict(terms.channel_limits))


def insert_drawn(
    work: UnitOfWork,
    terms: Sequence[Terms],
    generators: Sequence[CodeGenerator],
    places: Iterable[int],
    metrics: CodeMetrics,
) -> dict[int, Code]:
    """Draw until every place has a code that was free."""
    issued: dict[int, Code] = {}
    missing = list(places)
    for retries in range(MOST_RETRIES + 1):
        drafts = _drafts(work, terms, generators, missing)
        inserted = work.insert(CodeAct.ISSUED, list(drafts.values()))
        for place, draft in drafts.items():
            if draft.code in inserted:
                issued[place] = inserted[draft.code]
        missing = [place for place in missing if place not in issued]
        if not missing:
            return issued
        for place in missing:
            _note_collision(generators[place], retries, metrics)
    generator = generators[missing[0]]
    used = used_of(work.connection, generator.format_name)
    raise generator.exhausted(MOST_RETRIES, used)


def _drafts(
    work: UnitOfWork,
    terms: Sequence[Terms],
    generators: Sequence[CodeGenerator],
    places: Sequence[int],
) -> dict[int, Code]:
    """One draft for each place, but of two that drew the same code only the first one's."""
    by_generator: dict[int, list[int]] = {}
    for place in places:
        by_generator.setdefault(id(generators[place]), []).append(place)
    drafts: dict[int, Code] = {}
    drawn: set[str] = set()
    for group in by_generator.values():
        generator = generators[group[0]]
        for place, code in zip(group, generator.draw(len(group)), strict=True):
            if code not in drawn:
                drawn.add(code)
                draft = draft_of(code, terms[place], generator.origin, work.at, generator.format)
                drafts[place] = draft
    return drafts


def _note_collision(generator: CodeGenerator, retries: int, metrics: CodeMetrics) -> None:
    if generator.is_fixed:
        raise ActRefused(
            Why.CLASH,
            f"format {generator.format_name} makes one code only of these values, and it is taken; "
            f"change a value, or let the sequence be counted on",
        )
    metrics.collisions.labels(generator.format_name).inc()
    logger.warning(
        "format %s: a code that was drawn exists already (retries so far: %d of %d)",
        generator.format_name,
        retries,
        MOST_RETRIES,
    )


def with_default(
    work: UnitOfWork,
    formats: Sequence[Format],
    name: str | None,
    campaign_id: str,
    secret: MasterSecret | None,
) -> Sequence[Format]:
    """The formats, and the default one, defined now, if it is what `format_for` would look for."""
    if not _is_default(formats, name, campaign_id):
        return formats
    return [*formats, define(work, DEFAULT_FORMAT, secret)]


def format_for(formats: Sequence[Format], name: str | None, campaign_id: str) -> Format:
    """The format to issue under: the one named, else the campaign's own, else the default.

    Raises `ActRefused`: NOT_FOUND, or INVALID if it is retired, derived or another campaign's.
    """
    if name is None:
        own = _own(formats, campaign_id)
        if len(own) > 1:
            names = ", ".join(format_.defined.name for format_ in own)
            raise ActRefused(
                Why.INVALID, f"campaign {campaign_id} has several formats: {names}; name one"
            )
        if own:
            return own[0]
        name = DEFAULT_FORMAT.name
    format_ = named(formats, name)
    if format_.defined.status != FormatStatus.ACTIVE:
        raise ActRefused(Why.INVALID, f"format {name} is retired; issue codes under another one")
    if format_.defined.kind != FormatKind.REGISTERED:
        raise ActRefused(
            Why.INVALID, f"codes of format {name} are derived; issue them by their number"
        )
    if format_.defined.campaign_id not in (None, campaign_id):
        raise ActRefused(
            Why.INVALID, f"format {name} is that of campaign {format_.defined.campaign_id} alone"
        )
    return format_


def _own(formats: Iterable[Format], campaign_id: str) -> list[Format]:
    """The formats of a campaign that codes can be drawn from."""
    return [
        format_
        for format_ in formats
        if format_.defined.campaign_id == campaign_id
        and format_.defined.kind == FormatKind.REGISTERED
        and format_.defined.status == FormatStatus.ACTIVE
    ]


def _is_default(formats: Iterable[Format], name: str | None, campaign_id: str) -> bool:
    """Whether the default format is asked for, and isn't there yet."""
    if any(format_.defined.name == DEFAULT_FORMAT.name for format_ in formats):
        return False
    return name == DEFAULT_FORMAT.name or (name is None and not _own(formats, campaign_id))
