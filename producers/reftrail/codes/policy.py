"""How many codes a user gets in a campaign, as the campaign's formats say."""

from collections.abc import Iterable, Sequence
from typing import Final

from reftrail.codes.store.writing import Writing
from reftrail.codes.terms import Format, PerUser
from reftrail.contracts.reference import FormatStatus

SHARED_SCOPE: Final = "*"
"""In which users hold the code that serves all campaigns with the policy shared."""

_STRICTEST_FIRST: Final = (PerUser.SHARED, PerUser.ONE)


def scope_of(campaign_id: str, formats: Iterable[Format]) -> str | None:
    """Where a user may hold one code only; None if a user of the campaign may have many."""
    policies = {
        one.per_user
        for one in formats
        if one.defined.campaign_id == campaign_id and one.defined.status == FormatStatus.ACTIVE
    }
    strictest = next((policy for policy in _STRICTEST_FIRST if policy in policies), PerUser.MANY)
    match strictest:
        case PerUser.MANY:
            return None
        case PerUser.ONE:
            return campaign_id
        case PerUser.SHARED:
            return SHARED_SCOPE


def held(
    work: Writing, owners: Sequence[tuple[str, str | None]], formats: Sequence[Format]
) -> list[str | None]:
    """For each (campaign, owner) the code that the owner holds, where one is all there may be."""
    scopes = {campaign: scope_of(campaign, formats) for campaign, _ in owners}
    holding = {
        scope: work.holdings(
            scope, {user for campaign, user in owners if user and scopes[campaign] == scope}
        )
        for scope in set(scopes.values())
        if scope is not None
    }
    return [
        holding[scope].get(owner) if owner and (scope := scopes[campaign]) is not None else None
        for campaign, owner in owners
    ]
