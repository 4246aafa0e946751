"""Formats: defined, changed, retired; and derived codes, which are issued by raising a number."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from reftrail.codes.formats.definitions import formats_of
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import ActRefused, DerivedRange, Format, FormatTerms, Why
from reftrail.codes.service.generation import SEQUENCE, pattern_of
from reftrail.codes.store.writing import UnitOfWork
from reftrail.codes.validation import check_text
from reftrail.contracts.reference import (
    CodeAct,
    CodeFormatDefined,
    FormatKind,
    FormatStatus,
)


def define(work: UnitOfWork, terms: FormatTerms, secret: MasterSecret | None) -> Format:
    """Write a format, or write it anew."""
    for name, text in (("name", terms.name), ("campaign_id", terms.campaign_id)):
        if text is not None:
            check_text(name, text)
    formats = work.formats(locked=True)
    before = next((format_ for format_ in formats if format_.defined.name == terms.name), None)
    pattern = _pattern(terms)
    key_id = _key_id(terms, secret, before)
    after = Format(
        defined=CodeFormatDefined(
            event_id="",
            event_time=0,
            received_at=0,
            name=terms.name,
            kind=terms.kind,
            pattern=str(pattern),
            campaign_id=terms.campaign_id,
            category=terms.category,
            channel=terms.channel,
            count=before.defined.count if before else 0,
            key_id=key_id,
            revision=0,
        ),
        per_user=terms.per_user,
        on_signup=terms.on_signup,
    )
    if before is not None:
        if _same(before, after):
            return before
        _see_that_codes_stay(before, after)
    _see_that_all_can_be_told_apart(
        [format_ for format_ in formats if format_ is not before], after, secret
    )
    return work.define(CodeAct.CHANGED if before else CodeAct.ISSUED, before, after, codes=0)


def retire(work: UnitOfWork, name: str) -> Format:
    """End a format."""
    before = named(work.formats(locked=True), name)
    if before.defined.status == FormatStatus.RETIRED:
        return before
    retired = msgspec.structs.replace(before.defined, status=FormatStatus.RETIRED)
    return work.define(CodeAct.REVOKED, before, replace(before, defined=retired), codes=0)


def issue_derived(
    work: UnitOfWork, name: str, count: int, secret: MasterSecret | None, worst_odds: float
) -> tuple[DerivedRange, Format]:
    """Raise the number of a campaign's derived codes."""
    if count < 1:
        raise ActRefused(Why.INVALID, f"count is {count}; issue one code or more")
    before = named(work.formats(locked=True), name)
    defined = before.defined
    if defined.kind != FormatKind.DERIVED:
        raise ActRefused(Why.INVALID, f"codes of format {name} are not derived; issue them singly")
    if defined.status != FormatStatus.ACTIVE:
        raise ActRefused(Why.INVALID, f"format {name} is retired; issue codes under another one")
    made_by = need(secret, defined.key_id)
    campaign_id = str(defined.campaign_id)
    total = defined.count + count
    pattern = pattern_of(defined.pattern)
    try:
        DerivedCodes(campaign_id, made_by.of_campaign(campaign_id), pattern, total, worst_odds)
    except ValueError as error:
        raise ActRefused(Why.EXHAUSTED, f"format {name}: {error}") from error
    raised = replace(before, defined=msgspec.structs.replace(defined, count=total))
    after = work.define(CodeAct.ISSUED, before, raised, codes=count)
    batch_id = str(work.by.batch_id)
    return DerivedRange(name, campaign_id, defined.count + 1, total, batch_id), after


def need(secret: MasterSecret | None, key_id: str | None) -> MasterSecret:
    """The secret under which codes of a format are made. Raises `ActRefused`, NO_SECRET."""
    if secret is None:
        raise ActRefused(
            Why.NO_SECRET, "derived codes need their secret: set REFTRAIL_CODES_SECRET"
        )
    if key_id is not None and secret.key_id != key_id:
        raise ActRefused(
            Why.NO_SECRET,
            f"these codes are made under the secret {key_id}, and REFTRAIL_CODES_SECRET is "
            f"{secret.key_id}",
        )
    return secret


def _pattern(terms: FormatTerms) -> Pattern:
    is_derived = terms.kind == FormatKind.DERIVED
    if is_derived and terms.campaign_id is None:
        raise ActRefused(
            Why.INVALID, f"format {terms.name}: name the campaign of its derived codes"
        )
    try:
        pattern = Pattern.of(terms.pattern)
        if is_derived:
            DerivedCodes(str(terms.campaign_id), bytes(32), pattern, 1, 1.0)
    except ValueError as error:
        raise ActRefused(Why.INVALID, f"format {terms.name}: {error}") from error
    if terms.on_signup:
        _see_that_it_can_be_issued_alone(terms, pattern)
    return pattern


def _see_that_it_can_be_issued_alone(terms: FormatTerms, pattern: Pattern) -> None:
    drawn = {part.name for part in pattern.random_segments} | {SEQUENCE}
    if terms.kind == FormatKind.DERIVED or terms.campaign_id is None or set(pattern.names) - drawn:
        raise ActRefused(
            Why.INVALID,
            f"format {terms.name}: codes on signup need a campaign and a registered format in "
            f"which nothing but drawn symbols and the sequence is open",
        )


def _key_id(terms: FormatTerms, secret: MasterSecret | None, before: Format | None) -> str | None:
    if terms.kind != FormatKind.DERIVED:
        return None
    if before is not None and before.defined.count:
        return before.defined.key_id
    return need(secret, None).key_id


def _same(before: Format, after: Format) -> bool:
    stamps = {
        name: getattr(before.defined, name)
        for name in ("event_id", "event_time", "received_at", "revision")
    }
    return replace(after, defined=msgspec.structs.replace(after.defined, **stamps)) == before


def _see_that_codes_stay(before: Format, after: Format) -> None:
    """Issued codes are on paper: what makes them what they are can't be defined anew."""
    for name in ("kind", "campaign_id", "pattern"):
        old, new = getattr(before.defined, name), getattr(after.defined, name)
        if old != new:
            raise ActRefused(
                Why.CLASH,
                f"format {before.defined.name} has {name} {old}, which can't become {new}; define "
                f"a format of another name",
            )


def _see_that_all_can_be_told_apart(
    others: Sequence[Format], format_: Format, secret: MasterSecret | None
) -> None:
    """A forged code of one must not pass for a well-formed one of another, nor do so later."""
    counted = [
        msgspec.structs.replace(each.defined, count=max(each.defined.count, 1))
        for each in (*others, format_)
    ]
    try:
        formats_of(counted, secret)
    except ValueError as error:
        raise ActRefused(Why.INVALID, str(error)) from error


def derived_codes(format_: Format, secret: MasterSecret | None) -> DerivedCodes:
    """A format's derived codes, all that are issued. Raises `ActRefused`: NO_SECRET, INVALID."""
    defined = format_.defined
    if defined.kind != FormatKind.DERIVED or defined.count == 0:
        raise ActRefused(Why.INVALID, f"format {defined.name} has no derived codes")
    campaign_id = str(defined.campaign_id)
    made_by = need(secret, defined.key_id).of_campaign(campaign_id)
    return DerivedCodes(campaign_id, made_by, pattern_of(defined.pattern), defined.count, 1.0)


def named(formats: Iterable[Format], name: str) -> Format:
    """The format of that name. Raises `ActRefused`, NOT_FOUND."""
    known = {format_.defined.name: format_ for format_ in formats}
    if name not in known:
        names = ", ".join(known) or "none"
        raise ActRefused(
            Why.NOT_FOUND, f"there is no format {name} (known: {names}); define it first"
        )
    return known[name]
