"""Scoring: the evidence of a claim adds up to a score, and the policy maps it to a verdict."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from reftrail.contracts.policy import DEFAULT, Fraud
from reftrail.rules.fraud.case import Case, Check, Evidence
from reftrail.rules.fraud.checks import ALLOWED, CHECKS, REASONS, SUSPICIOUS_CODE

_OF_A_FAMILY: Final = ("same_browser_as_owner", "users_per_visitor_24h", "users_per_visitor_30d")

_OF_ONE_ALONE: Final = REASONS.keys() - {SUSPICIOUS_CODE, *_OF_A_FAMILY}

_ROWS: Final = tuple(
    (check.reason, check.weight, check.find, check.limit, check.about) for check in CHECKS
)


class Verdict(StrEnum):
    """Verdicts on a claim."""

    GRANT = "grant"
    HOLD = "hold"
    REJECT = "reject"


class Judgement(msgspec.Struct, frozen=True, array_like=True):
    """A verdict, with its score and evidence."""

    verdict: str
    score: int
    evidence: tuple[Evidence, ...]

    @property
    def reasons(self) -> list[str]:
        """The names of the evidence, in the order of the tables; none for a grant."""
        return [] if self.verdict == Verdict.GRANT else [item.reason for item in self.evidence]


def gather(case: Case, fraud: Fraud) -> list[Evidence]:
    """The evidence that applies, with the weights and limits of a policy."""
    found = []
    weights, limits, seen = fraud.weights, fraud.limits, case.seen
    for reason, usual_weight, find, usual_limit, about in _ROWS:
        if about and about not in seen:  # as a third of the checks of most claims
            continue
        weight = weights.get(reason, usual_weight) if weights else usual_weight
        if weight == 0 and usual_weight != 0:
            continue
        figures = find(case, limits.get(reason, usual_limit) if limits else usual_limit)
        if figures is not None:
            found.append(Evidence(reason, weight, figures))
    return found


def judge(broken: Iterable[Evidence], found: Iterable[Evidence], fraud: Fraud) -> Judgement:
    """Judge a claim: broken are the rules that it breaks, found is the evidence of fraud.

    A broken rule or a decisive reason rejects. On an allow list, only decisive evidence keeps its
    weight.
    """
    broken, found = tuple(broken), tuple(found)
    if any(item.reason == ALLOWED for item in found):
        found = tuple(item if _is_decisive(item, fraud) else _weightless(item) for item in found)
    evidence = broken + found
    score = sum(item.weight for item in evidence)
    if broken or any(_is_decisive(item, fraud) for item in found) or score >= fraud.reject_from:
        return Judgement(Verdict.REJECT, score, evidence)
    verdict = Verdict.GRANT if score <= fraud.grant_up_to else Verdict.HOLD
    return Judgement(verdict, score, evidence)


def is_suspicious(evidence: Iterable[Evidence]) -> bool:
    """Whether the evidence of a claim itself exceeds what the default policy grants.

    Evidence from other claims under the code doesn't count, or suspicion would feed on itself.
    Broken rules don't count either: a late customer is no fraudster. Nor does what a family at one
    computer shows: each of its members would be held, and the third rejected for that.
    """
    own = (item.weight for item in evidence if item.reason in _OF_ONE_ALONE)
    return sum(own) > DEFAULT.fraud.grant_up_to


def evidence_text(evidence: Iterable[Evidence]) -> str | None:
    """The evidence as JSON, as a ledger entry has it; None if there is none."""
    listed = list(evidence)
    return msgspec.json.encode(listed, order="sorted").decode() if listed else None


def _is_decisive(found: Evidence, fraud: Fraud) -> bool:
    check: Check = REASONS[found.reason]
    return found.weight > 0 and (check.decisive or found.reason in fraud.decisive)


def _weightless(found: Evidence) -> Evidence:
    return msgspec.structs.replace(found, weight=0)
