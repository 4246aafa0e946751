"""Self-referral: the referred user is the referrer.

The owner's signals are those of the code's registration. They are compared with the signals of the
claim, the signup and the touch, since a purchase that a server reports has none.
"""

from collections.abc import Iterable

from reftrail.contracts.reference import named_hashes
from reftrail.rules.fraud.case import Case, Figures
from reftrail.rules.fraud.velocity_checks import is_owners_browser, is_shared_browser


def self_referral(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The code's owner claims under it, by whatever user id they are known.

    Weight 100, decisive: nearly every programme's terms exclude it.
    """
    owner = case.code.owner_user_id
    if owner is None or owner not in (case.claim.user_id, *case.users):
        return None
    return {"owner": owner}


def owner_device(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claim, the signup or the touch comes from the device on which the code was registered.

    Weight 60: families share tablets, so it holds and does not reject by itself.
    """
    of_user = (signals.device_hash for signals in case.signals)
    return _same(case.code.owner_device_hash, of_user, "device")


def same_browser_as_owner(case: Case, limit: int) -> Figures | None:
    """The code's owner signed up, bought, or was identified in the browser of the claim or signup.

    Weight 60: families share computers, so it holds and does not reject by itself. Where the
    device is the owner's, that speaks and this doesn't. The owner must have been seen there before
    the claim, and within 30 days.
    """
    if not is_owners_browser(case) or owner_device(case, limit) is not None:
        return None
    return {"owner": case.code.owner_user_id or ""}


def owner_ip(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claim, the signup or the touch comes from the address from which the code was registered.

    Weight 20: households, offices and carriers have one address for many, and people refer those
    with whom they live and work. Where they share a browser too, with the owner or with others who
    claimed, that speaks and this doesn't: it is at one address, and a family isn't rejected for it.
    """
    if is_shared_browser(case) or is_owners_browser(case):
        return None
    of_user = (signals.ip_hash for signals in case.signals)
    return _same(case.code.owner_ip_hash, of_user, "ip")


def owner_email(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claimant has the owner's e-mail address, as normalized by the collector.

    Weight 100: an address is one person's.
    """
    of_user = (signals.email_hash for signals in case.signals)
    return _same(case.code.owner_email_hash, of_user, "email")


def owner_hashed_otherwise(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The owner's signals are hashed under other keys than the claim and the signup, in part.

    Weight 0: it says nothing against anybody, but that equal signals couldn't be found. It comes
    after a change of the hash key; a policy may hold such claims.
    """
    key_ids = sorted({key for signals in case.signals if (key := signals.hash_key_id) is not None})
    if not key_ids:
        return None
    known = {*key_ids, None}
    others: set[str | None] = set()
    for hashes in case.code.owner_hashes().values():
        of_signal = {key_id for key_id, _ in hashes}
        if not of_signal & known:
            others |= of_signal
    names = ", ".join(sorted(map(str, others)))
    return {"owner": names, "claim": ", ".join(key_ids)} if others else None


def disposable_email(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claimant's e-mail address is of a domain that gives out addresses for minutes.

    Weight 40: some honest people use them against advertising, so it says little alone; with the
    owner's address, or another user's device, it holds. The list is the collector's.
    """
    for signals in case.signals:
        if signals.email_disposable:
            return {"email": signals.email_hash or ""}
    return None


def _same(held: str | None, of_user: Iterable[str | None], kind: str) -> Figures | None:
    if held is None:
        return None
    shown = set(of_user)
    for _, digits in named_hashes(held):
        if digits in shown:
            return {kind: digits}
    return None
