"""Browsers of claims, as signals."""

from reftrail.contracts.decisions import Claimed
from reftrail.rules.decider import fingerprint
from reftrail.rules.velocity import visitor_value


def visitor_shown(claim: Claimed) -> str | None:
    """The value of the signal that a claim's browser is; None if it names none."""
    return visitor_value(fingerprint(claim.visitor_id)) if claim.visitor_id else None
