"""Number of codes that a user gets in a campaign, by the campaign's formats."""

from collections.abc import Iterable
from typing import Final

from reftrail.codes.model import Format, PerUser
from reftrail.codes.store.writing import UnitOfWork
from reftrail.contracts.reference import FormatStatus

SHARED_SCOPE: Final = "shared"
"""Scope in which users hold the code that serves all campaigns with the policy shared."""

_STRICTEST_FIRST: Final = (PerUser.SHARED, PerUser.ONE)


class Scopes:
    """Scope in which a user may hold one code only, by campaign; None: users may have many.

    At signups everyone gets one code in each campaign at most, even where others may be issued too:
    then in a scope of its own.
    """

    def __init__(self, formats: Iterable[Format], *, signup: bool = False) -> None:
        self._policies: dict[str, set[PerUser]] = {}
        self._signup = signup
        for format_ in formats:
            if format_.defined.campaign_id and format_.defined.status == FormatStatus.ACTIVE:
                self._policies.setdefault(format_.defined.campaign_id, set()).add(format_.per_user)

    def key(self, campaign_id: str, user_id: str | None) -> tuple[str, str] | None:
        """Scope and user; None where there is no user, or the user may have many codes."""
        scope = None if user_id is None else self._of(campaign_id)
        return None if scope is None or user_id is None else (scope, user_id)

    def _of(self, campaign_id: str) -> str | None:
        policies = self._policies.get(campaign_id, set())
        strictest = next(
            (policy for policy in _STRICTEST_FIRST if policy in policies), PerUser.MANY
        )
        match strictest:
            case PerUser.MANY:
                return f"signup:{campaign_id}" if self._signup else None
            case PerUser.ONE:
                return f"campaign:{campaign_id}"
            case PerUser.SHARED:
                return SHARED_SCOPE


def held(work: UnitOfWork, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The codes held, by (scope, user), for these keys."""
    users: dict[str, list[str]] = {}
    for scope, user in keys:
        users.setdefault(scope, []).append(user)
    return {
        (scope, user): code
        for scope, some in users.items()
        for user, code in work.holdings(scope, some).items()
    }
