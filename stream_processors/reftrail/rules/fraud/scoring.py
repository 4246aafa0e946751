"""What evidence adds up to: a score, and by the campaign's policy a verdict."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from reftrail.contracts.policy import DEFAULT, Fraud
from reftrail.rules.fraud.case import Case, Check, Evidence
from reftrail.rules.fraud.checks import ALLOWED, CHECKS, REASONS, SUSPICIOUS_CODE


class Verdict(StrEnum):
    """What becomes of a claim."""

    GRANT = "grant"
    HOLD = "hold"
    REJECT = "reject"


class Judgement(msgspec.Struct, frozen=True, array_like=True):
    """A verdict, with all that led to it. reasons are why it isn't simply granted."""

    verdict: str
    score: int
    evidence: tuple[Evidence, ...]

    @property
    def reasons(self) -> list[str]:
        """The names of what was found, in the order of the tables; none for a grant."""
        return [] if self.verdict == Verdict.GRANT else [one.reason for one in self.evidence]


def gather(case: Case, fraud: Fraud) -> list[Evidence]:
    """All evidence of the table that applies, under a policy's own weights and limits."""
    found = []
    for check in CHECKS:
        weight = fraud.weights.get(check.reason, check.weight)
        if weight == 0 and check.weight != 0:
            continue
        figures = check.find(case, fraud.limits.get(check.reason, check.limit))
        if figures is not None:
            found.append(Evidence(check.reason, weight, figures))
    return found


def judge(broken: Iterable[Evidence], found: Iterable[Evidence], fraud: Fraud) -> Judgement:
    """The verdict on a claim: broken are the rules against it, found is what speaks for fraud.

    A broken rule or a decisive reason rejects. Where an allow list names somebody, only what is
    decisive still has weight.
    """
    broken, found = tuple(broken), tuple(found)
    if any(one.reason == ALLOWED for one in found):
        found = tuple(one if _is_decisive(one, fraud) else _weightless(one) for one in found)
    evidence = broken + found
    score = sum(one.weight for one in evidence)
    if broken or any(_is_decisive(one, fraud) for one in found) or score >= fraud.reject_from:
        return Judgement(Verdict.REJECT, score, evidence)
    verdict = Verdict.GRANT if score <= fraud.grant_up_to else Verdict.HOLD
    return Judgement(verdict, score, evidence)


def is_suspicious(evidence: Iterable[Evidence]) -> bool:
    """Whether what speaks for fraud in a claim itself is more than the default policy grants.

    What other claims under the code were like doesn't count: suspicion would feed on itself. Nor do
    broken rules: who comes too late is no fraudster.
    """
    own = (one for one in evidence if one.reason in REASONS and one.reason != SUSPICIOUS_CODE)
    return sum(one.weight for one in own) > DEFAULT.fraud.grant_up_to


def evidence_text(evidence: Iterable[Evidence]) -> str | None:
    """Evidence as a ledger entry carries it; None if there is none."""
    listed = list(evidence)
    return msgspec.json.encode(listed, order="sorted").decode() if listed else None


def _is_decisive(one: Evidence, fraud: Fraud) -> bool:
    check: Check = REASONS[one.reason]
    return one.weight > 0 and (check.decisive or one.reason in fraud.decisive)


def _weightless(one: Evidence) -> Evidence:
    return msgspec.structs.replace(one, weight=0)
