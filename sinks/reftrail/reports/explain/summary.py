"""Summary of what became of a user under a code, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reftrail.contracts.decisions import Basis, RewardStatus
from reftrail.contracts.events import CodeEvidence

_ALWAYS_COUNTED: Final = (RewardStatus.GRANTED, RewardStatus.REVERSED, RewardStatus.REJECTED)


def summary(known: Mapping[str, Any], code: str, user_id: str) -> Iterator[str]:
    """What became of a user under a code, in sentences, from their journey."""
    if known["code"] is None:
        yield _not_registered(known["claims"], code)
    yield _met(known["interactions"], code)
    yield from _attributed(known, code, user_id)
    rewards = known["rewards"]
    if rewards:
        counts = {
            status: len({entry["reward_id"] for entry in rewards if entry["status"] == status})
            for status in RewardStatus
            if status in _ALWAYS_COUNTED or any(entry["status"] == status for entry in rewards)
        }
        yield "Rewards: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + "."
        reasons = sorted({reason for entry in rewards for reason in entry["reasons"]})
        if reasons:
            yield f"Reasons given: {', '.join(reasons)}."
        return
    yield "No reward was decided on."
    if known["claims"]:
        actions = ", ".join(f"{claim['action']} {claim['event_time']}" for claim in known["claims"])
        yield (
            f"Claimed by: {actions}. Either this does not earn under the campaign (see its trigger "
            f"and minimum amount below), or the decision is still under way."
        )


def _not_registered(claims: Sequence[Mapping[str, Any]], code: str) -> str:
    """With what the collector found out about the code when it was touched or typed in."""
    found = {claim["code_evidence"]: claim["campaign_id"] for claim in claims}
    if CodeEvidence.DERIVED in found:
        return f"Code {code} is a derived one of campaign {found['derived']}, and not registered."
    if CodeEvidence.FORGED in found:
        return f"Code {code} is forged: written as a campaign's derived codes, and none of them."
    return f"Code {code} is not registered."


def _met(interactions: Mapping[str, Any], code: str) -> str:
    views, clicks = interactions["views"], interactions["clicks"]
    if not views and not clicks:
        return f"No view of {code} and no click on it is known of the user's visitors."
    bots = f", {interactions['by_bots']} of them by bots" if interactions["by_bots"] else ""
    return (
        f"The user's visitors met {code} in {counted(views, 'view')} and "
        f"{counted(clicks, 'click')}{bots}, first {interactions['first_at']}, last "
        f"{interactions['last_at']}."
    )


def counted(number: int, what: str) -> str:
    """A number with a noun, which gets an s unless there is one of it: "1 input", "2 inputs"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _attributed(known: Mapping[str, Any], code: str, user_id: str) -> Iterator[str]:
    yield from _merged(known["people"], user_id)
    made = known["attributions"]
    corrected = {attribution["corrects"] for attribution in made}
    decisive = [
        attribution
        for attribution in made
        if attribution["decisive"] and attribution["event_id"] not in corrected
    ]
    signup = known["signup"]
    if not decisive and signup is None:
        yield f"User {user_id} has not signed up."
    elif not decisive:
        yield f"User {user_id} signed up at {signup['event_time']} and is attributed to nobody."
    for attribution in decisive:
        ground = attribution["basis"].replace("_", " ")
        since, whose = attribution["event_time"], attribution["user_id"]
        yield f"User {whose} is attributed to {attribution['code']} by {ground}, since {since}."
        if whose != user_id:
            yield (
                f"What {user_id} does earns under that, as the person that both are: ask for "
                f"{attribution['code']} and {whose}."
            )
        elif attribution["code"] != code:
            yield f"A user is attributed once, so {code} cannot earn by {user_id}."
    for attribution in made:
        if attribution["basis"] == Basis.MERGED:
            yield (
                f"The attribution of user {attribution['user_id']} to {attribution['code']} has "
                f"ended: the user was merged with one who signed up earlier."
            )
        elif not attribution["decisive"]:
            yield (
                f"A touch by {attribution['code']} at {attribution['touch_time']} came in too late "
                f"to count."
            )


def _merged(people: Sequence[Mapping[str, Any]], user_id: str) -> Iterator[str]:
    """The merges by which the user is one person with others."""
    account = people[0]["person_id"] if people else user_id
    others = [person["user_id"] for person in people if person["user_id"] not in (account, user_id)]
    if account != user_id:
        yield f"User {user_id} was merged into {account}."
    if others:
        also = ", too" if account != user_id else ""
        yield f"Merged into {account}{also}: {', '.join(others)}."
