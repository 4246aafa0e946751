"""The code of a claim: a registered one, or one that proves itself."""

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.reference import CodeChanged
from reftrail.rules.decider import Reference


def code_of(claim: Claimed, reference: Reference) -> CodeChanged | None:
    """The record of a claim's code; None if there is no such code.

    A derived code needs no record: it is an active code of its campaign, without an owner. Its
    record counts if there is one, since it may have been bound or revoked. A forged code has none,
    whatever is registered. Nor has another one whose claim names no campaign: there was no such
    code when the user claimed, and a late touch may still correct that.
    """
    match claim.code_evidence:
        case None:
            return None if claim.campaign_id is None else reference.code(claim.code)
        case CodeEvidence.FORGED:
            return None
        case CodeEvidence.DERIVED if claim.campaign_id is not None:
            known = reference.code_if_known(claim.code)
            return known or _unregistered(claim.code, claim.campaign_id)
        case CodeEvidence.DERIVED:
            return reference.code(claim.code)
        case _ if claim.campaign_id is None:
            return None
        case _:
            return reference.code(claim.code)


def _unregistered(code: str, campaign_id: str) -> CodeChanged:
    return CodeChanged(
        event_id="", event_time=0, received_at=0, created_at=0, code=code, campaign_id=campaign_id
    )
