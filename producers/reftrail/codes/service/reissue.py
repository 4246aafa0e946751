"""Reissue of codes: a new one on the same terms, and the old one revoked."""

from collections.abc import Sequence

from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import (
    ActRefused,
    Code,
    Format,
    Reissued,
    Terms,
    Why,
)
from reftrail.codes.service.generation import CodeGenerator, pattern_of, values_to_keep
from reftrail.codes.service.issuing import Issuing, format_for, insert_drawn, with_default
from reftrail.codes.service.lifecycle import LockedCode, refuse_status, with_fields, write
from reftrail.codes.store.writing import UnitOfWork
from reftrail.contracts.reference import CodeAct, CodeStatus, FormatKind, FormatStatus


def reissue(
    work: UnitOfWork,
    locked: LockedCode,
    formats: Sequence[Format],
    format_name: str | None,
    given: Issuing,
) -> Reissued:
    """Replace a code by a new one on the same terms; who held the old one holds the new one."""
    old = locked.code
    refuse_status(old, work.at, CodeStatus.REVOKED, CodeStatus.EXPIRED)
    generator = _successor(work, old, formats, format_name, given.secret)
    revoked = write(work, CodeAct.REISSUED, locked, with_fields(old, status=CodeStatus.REVOKED))
    new = insert_drawn(work, [_same_terms(old)], [generator], [0], given.metrics)[0]
    work.hand_over(old.code, new.code)
    return Reissued(revoked, new)


def _successor(
    work: UnitOfWork,
    old: Code,
    formats: Sequence[Format],
    format_name: str | None,
    secret: MasterSecret | None,
) -> CodeGenerator:
    """The generator of the new code: the old one's format, with its values, where possible."""
    wanted = format_name or old.format_name
    of = next((format_ for format_ in formats if format_.defined.name == wanted), None)
    is_drawn = of is not None and of.defined.kind == FormatKind.REGISTERED
    if format_name is None and not (is_drawn and of.defined.status == FormatStatus.ACTIVE):  # type: ignore[union-attr]
        wanted = None
    campaign_id = old.changed.campaign_id
    known = with_default(work, formats, wanted, campaign_id, secret)
    chosen = format_for(known, wanted, campaign_id)
    values = {}
    if chosen.defined.name == old.format_name:
        values = values_to_keep(pattern_of(chosen.defined.pattern), old.code)
    generator = CodeGenerator(chosen, values, work.count_on)
    if generator.is_fixed:
        raise ActRefused(
            Why.INVALID, f"format {wanted} has no other code like this; name another one"
        )
    return generator


def _same_terms(code: Code) -> Terms:
    """The terms of a code, for the one that replaces it."""
    changed = code.changed
    return Terms(
        campaign_id=changed.campaign_id,
        owner_user_id=changed.owner_user_id,
        category=changed.category,
        channel=changed.channel,
        channels=tuple(changed.channels),
        regions=tuple(changed.regions),
        expires_at=changed.expires_at,
        max_uses=changed.max_uses,
        max_distributes=changed.max_distributes,
        channel_limits=code.channel_limits,
        record_kind=changed.record_kind,
        record_id=changed.record_id,
        notes=changed.notes,
        owner_device_hash=changed.owner_device_hash,
        owner_ip_hash=changed.owner_ip_hash,
        owner_network_hash=changed.owner_network_hash,
        owner_email_hash=changed.owner_email_hash,
    )
