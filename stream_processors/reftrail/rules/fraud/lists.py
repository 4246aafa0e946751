"""The allow and block lists. They name codes, users and signals.

A user is the referred one, another one who is known to be the same person, or the code's owner. A
signal is one of the claim, the signup or the touch.
"""

from collections.abc import Iterator

from reftrail.contracts.external_inputs import Listed, Listing
from reftrail.rules.fraud.case import Case, Figures


def blocked(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """A block list names the code, one of the two users, or a signal of claim, signup or touch.

    Weight 100, decisive: somebody decided it.
    """
    return _first(case, Listing.BLOCK)


def allowed(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """An allow list names the code, one of the two users, or a signal of claim, signup or touch.

    Weight 0: it takes the weight off everything else that isn't decisive.
    """
    return _first(case, Listing.ALLOW)


def _first(case: Case, listing: Listing) -> Figures | None:
    entry = next((known for known in _entries(case) if known.listing == listing), None)
    if entry is None:
        return None
    figures: Figures = {"subject": entry.subject, "value": entry.value, "by": entry.actor}
    return figures | ({"reason": entry.reason} if entry.reason else {})


def _entries(case: Case) -> Iterator[Listed]:
    claim = case.claim
    subjects: list[tuple[str, str | None]] = [
        ("code", claim.code),
        ("user", claim.user_id),
        *(("user", user_id) for user_id in case.users),
        ("user", case.code.owner_user_id),
    ]
    for signals in case.signals:
        subjects += [
            ("ip", signals.ip_hash),
            ("network", signals.network_hash),
            ("device", signals.device_hash),
            ("email", signals.email_hash),
        ]
    for subject, value in subjects:
        if value is not None and (entry := case.listed(subject, value, claim.received_at)):
            yield entry
