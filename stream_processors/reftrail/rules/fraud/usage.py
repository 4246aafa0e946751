"""Usage of a code compared with its baselines: frequency, amounts, share of suspicious claims."""

from typing import Final

from reftrail.rules.fraud.baselines import LEAST_CLAIMS, in_hour, median, usual
from reftrail.rules.fraud.case import Case, Figures

LEAST_IN_BURST: Final = 20
"""The fewest claims in an hour that are a burst, however quiet it was before."""


def burst(case: Case, limit: int) -> Figures | None:
    """More claims in this hour than the limit times those of a usual hour of the last three days.

    Weight 25, limit 10 times: a post that goes round does it too. A quiet hour counts as one claim;
    codes in use for less than a day have no history to tell by.
    """
    at = case.claim.event_time
    known = usual(case.hours, at)
    now = in_hour(case.hours, at) + 1
    if known is None or now < LEAST_IN_BURST:
        return None
    before, span = known
    if now * span <= limit * max(before, span):
        return None
    return {"in_this_hour": now, "before": before, "hours_before": span, "limit": limit}


def suspicious_code(case: Case, limit: int) -> Figures | None:
    """Of the claims under the code so far, a larger share was suspicious than the limit.

    Weight 40, limit 50 percent of two claims or more: farms and bots work for a code, and one of
    their accounts in some dozen looks harmless by itself. One suspicious claim may be bad luck,
    the only two there are hardly. With the owner's address, or a crowded one, it holds. It holds
    none that has nothing else against it, so that somebody whose code is attacked goes on earning
    with honest people.
    """
    claims = case.claims
    if claims.all < LEAST_CLAIMS or 100 * claims.suspicious <= limit * claims.all:
        return None
    return {"suspicious": claims.suspicious, "claims": claims.all, "limit_percent": limit}


def amount_5x(case: Case, limit: int) -> Figures | None:
    """The order's amount is more than the limit times the median of the code's orders.

    Weight 10, limit 5 times; it adds to those below, as they apply together.
    """
    return _above_median(case, limit)


def amount_10x(case: Case, limit: int) -> Figures | None:
    """The order's amount is more than the limit times the median of the code's orders.

    Weight 15, limit 10 times.
    """
    return _above_median(case, limit)


def amount_20x(case: Case, limit: int) -> Figures | None:
    """The order's amount is more than the limit times the median of the code's orders.

    Weight 20, limit 20 times. The three steps together make 45.
    """
    return _above_median(case, limit)


def _above_median(case: Case, limit: int) -> Figures | None:
    amount = case.claim.amount_micros
    if amount is None or case.claim.currency != case.amounts.currency:
        return None
    middle = median(case.amounts)
    if middle is None:
        return None
    if amount <= limit * middle:
        return None
    return {"amount_micros": amount, "median_micros": middle, "limit": limit}
