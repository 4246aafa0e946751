"""Which code a claim is about: one that is registered, or one that proves itself."""

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.reference import CodeChanged
from reftrail.rules.decider import Reference


def code_of(claim: Claimed, reference: Reference) -> CodeChanged | None:
    """The code as it stands; None if there is no such code.

    A derived code is as good as registered and needs no lookup: it is an active one of its
    campaign, without an owner. If it was bound, revoked or the like, and that is known by now, its
    record counts. A forged code is none, whatever is registered.
    """
    match claim.code_evidence:
        case CodeEvidence.FORGED:
            return None
        case CodeEvidence.DERIVED if claim.campaign_id is not None:
            known = reference.code_if_known(claim.code)
            return known or _unregistered(claim.code, claim.campaign_id)
        case _:
            return reference.code(claim.code)


def _unregistered(code: str, campaign_id: str) -> CodeChanged:
    return CodeChanged(
        event_id="", event_time=0, received_at=0, created_at=0, code=code, campaign_id=campaign_id
    )
