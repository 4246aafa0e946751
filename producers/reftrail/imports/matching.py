"""Match of earners to codes: whose credit a commission is, and by which rule that is known.

An id or the name of a link at another programme says nothing about an owner here, however alike
they look: only a list of the operator's, or the owner's own e-mail address, does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from reftrail.contracts.reference import CodeChanged
from reftrail.imports.commission import Commission


class Rule(StrEnum):
    """How the code of an earner is known; an earlier import credited this code."""

    LISTED = "--codes"
    EMAIL = "e-mail"
    BEFORE = "earlier import"


class Match(NamedTuple):
    """A code, its owner, and the rule by which it is an earner's."""

    code: str
    owner: str
    rule: Rule


class Owners:
    """The owners of codes, and the codes of earners.

    codes are the records of all codes, listed the codes of earners by the operator's list: with it,
    nothing else counts.
    """

    def __init__(
        self, codes: Iterable[CodeChanged], listed: Mapping[str, str] | None = None
    ) -> None:
        last: dict[str, CodeChanged] = {}
        for code in codes:
            before = last.get(code.code)
            if before is None or before.revision <= code.revision:
                last[code.code] = code
        self._owners = {name: code.owner_user_id for name, code in last.items()}
        self._codes_of: defaultdict[str, list[str]] = defaultdict(list)
        self._by_email: defaultdict[str, list[str]] = defaultdict(list)
        for name, owner in self._owners.items():
            if owner is not None:
                self._codes_of[owner].append(name)
                self._by_email[owner.casefold()].append(name)
        self._listed = listed

    def owner_of(self, code: str) -> str | None:
        """The present owner of a code."""
        return self._owners.get(code)

    def code_of(self, owner: str) -> str | None:
        """A code that somebody owns now."""
        return min(self._codes_of.get(owner, ()), default=None)

    def match(self, commission: Commission) -> Match | None:
        """The code of who earned a commission; None where it isn't known or has no owner."""
        if self._listed is None:
            rule, code = Rule.EMAIL, self._by_its_email(commission.email)
        else:
            rule, code = Rule.LISTED, self._as_listed(self._listed, commission)
        owner = None if code is None else self.owner_of(code)
        return None if code is None or owner is None else Match(code, owner, rule)

    def _by_its_email(self, email: str | None) -> str | None:
        """The only code of the owner whose id is an e-mail address."""
        codes = self._by_email.get(email.casefold(), []) if email and "@" in email else []
        return codes[0] if len(codes) == 1 else None

    @staticmethod
    def _as_listed(listed: Mapping[str, str], commission: Commission) -> str | None:
        names = (commission.earner, commission.email, commission.token)
        return next((listed[name] for name in names if name and name in listed), None)
