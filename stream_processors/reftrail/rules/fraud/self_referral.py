"""Whether the one who was referred is the one who referred them.

The owner's signals are those of the code's registration, where they were told then.
"""

from reftrail.rules.fraud.case import Case, Figures


def self_referral(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The code's owner claims under it.

    Weight 100, decisive: nearly every programme's terms exclude it.
    """
    if case.code.owner_user_id != case.claim.user_id:
        return None
    return {"owner": case.claim.user_id}


def owner_device(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claim comes from the device on which the code was registered.

    Weight 60: families share tablets, so it holds and does not reject by itself.
    """
    return _same(case.code.owner_device_hash, case.claim.device_hash, "device")


def owner_ip(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claim comes from the address from which the code was registered.

    Weight 20: households, offices and carriers have one address for many, and people refer those
    with whom they live and work.
    """
    return _same(case.code.owner_ip_hash, case.claim.ip_hash, "ip")


def owner_email(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claimant has the owner's e-mail address, as normalized by the collector.

    Weight 100: an address is one person's.
    """
    return _same(case.code.owner_email_hash, case.claim.email_hash, "email")


def disposable_email(case: Case, limit: int) -> Figures | None:  # noqa: ARG001
    """The claimant's e-mail address is of a domain that gives out addresses for minutes.

    Weight 40: some honest people use them against advertising, so it says little alone; with the
    owner's address, or another user's device, it holds. The list is the collector's.
    """
    return {"email": case.claim.email_hash or ""} if case.claim.email_disposable else None


def _same(owners: str | None, claimants: str | None, what: str) -> Figures | None:
    if owners is None or claimants is None or owners != claimants:
        return None
    return {what: owners}
