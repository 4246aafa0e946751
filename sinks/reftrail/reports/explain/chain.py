"""The chain behind a reward: the warehouse says where to look, Kafka's log is what is shown.

Each entry of the ledger names the message that it follows from, by topic, partition, offset and
id; so does each message up to what a client reported. They are read at these positions. Then the
decisions are made again, see `derivation`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.decisions import Claimed, RewardStatus
from reftrail.contracts.events import CodeEvidence, Event
from reftrail.contracts.record import Derived, Millis
from reftrail.contracts.topics import EVENTS, REWARDS
from reftrail.reports.client import ReportsClient
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.explanation import Explanation, Link, Story, link, shown
from reftrail.reports.explain.log import Log, Logged
from reftrail.rules.attribution.decider import SIGNUP_WAIT

_CODE_TERMS: Final = (
    "campaign_id owner_user_id category channel status created_at expires_at max_uses"
)
_CAMPAIGN_TERMS: Final = (
    "trigger counts_views typed_code_wins minimum_amount_micros referrer_reward_micros "
    "referee_reward_micros reward_currency starts_at ends_at attribution_window_ms"
)
_ALWAYS_COUNTED: Final = (RewardStatus.GRANTED, RewardStatus.REVERSED, RewardStatus.REJECTED)
_NAMES: Final = {"RewardDecided": "entry", "Claimed": "claim", "Converted": "conversion"}


def explain(
    reports: ReportsClient,
    log: Log,
    code: str,
    user_id: str,
    *,
    signup_wait: Millis = SIGNUP_WAIT,
) -> Explanation:
    """All that became of a user under a code, and why. Raises `ExpectedError`.

    signup_wait is the workers' setting.
    """
    known = reports.journey(code, user_id)
    code = known["code"]["code"] if known["code"] else spelled(code)
    by_cause: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for entry in known["rewards"]:
        cause = (entry["cause_topic"], entry["cause_partition"], entry["cause_offset"])
        by_cause.setdefault(cause, []).append(entry)
    return Explanation(
        as_of=known["as_of"],
        code=code,
        user_id=user_id,
        summary=list(_summary(known, code, user_id)),
        stories=[_story(log, entries, known["touches"]) for entries in by_cause.values()],
        terms=_terms(known),
        derivations=derive(log, code, user_id, signup_wait),
    )


def _story(log: Log, entries: list[Mapping[str, Any]], touches: list[Mapping[str, Any]]) -> Story:
    links: list[Link] = []
    gaps: list[str] = []
    last: Logged | None = None
    for entry in entries:
        found = _entry(log, entry)
        if found is None:
            gaps.append(f"entry {entry['event_id']} is not in Kafka's rewards topic")
        else:
            last = found
            links.append(link(_NAMES["RewardDecided"], found))
    chain = list(_chain(log, last, gaps)) if last else []
    causes = [link(_what(found), found) for found in chain]
    return Story(entries=links, causes=causes, touch=_touch(log, chain, touches, gaps), gaps=gaps)


def _entry(log: Log, entry: Mapping[str, Any]) -> Logged | None:
    key = f"{entry['code']}:{entry['user_id']}"
    not_before = min(_millis(entry["event_time"]), _millis(entry["received_at"]))
    return log.find(REWARDS, key, entry["event_id"], not_before)


def _chain(log: Log, found: Logged, gaps: list[str]) -> Iterator[Logged]:
    """From what a message follows from to what a client reported."""
    record = found.record
    while isinstance(record, Derived):
        place = f"{record.cause_topic}/{record.cause_partition} offset {record.cause_offset}"
        cause = log.at(record.cause_topic, record.cause_partition, record.cause_offset)
        if cause is None:
            gaps.append(f"{place} is not in Kafka any more")
            return
        if cause.record.event_id != record.cause_event_id:
            gaps.append(f"{place} has the id {cause.record.event_id}, not {record.cause_event_id}")
            return
        yield cause
        record = cause.record


def _touch(
    log: Log, chain: list[Logged], touches: list[Mapping[str, Any]], gaps: list[str]
) -> Link | None:
    claims = [found.record for found in chain if isinstance(found.record, Claimed)]
    wanted = claims[0].touch_event_id if claims else None
    if wanted is None:
        return None
    for touch in touches:
        if touch["event_id"] == wanted:
            not_before = min(_millis(touch["event_time"]), _millis(touch["received_at"]))
            found = log.find(EVENTS, touch["visitor_id"], wanted, not_before)
            if found is not None:
                return link(_what(found), found)
    gaps.append(f"the touch {wanted} is not in Kafka any more")
    return None


def _what(found: Logged) -> str:
    if isinstance(found.record, Event):
        return str(found.record.__struct_config__.tag)
    return _NAMES.get(type(found.record).__name__, type(found.record).__name__)


def _summary(known: Mapping[str, Any], code: str, user_id: str) -> Iterator[str]:
    if known["code"] is None:
        yield _not_registered(known["claims"], code)
    yield _met(known["interactions"], code)
    yield from _attributed(known, code, user_id)
    rewards = known["rewards"]
    if rewards:
        counts = {
            status: len({one["reward_id"] for one in rewards if one["status"] == status})
            for status in RewardStatus
            if status in _ALWAYS_COUNTED or any(one["status"] == status for one in rewards)
        }
        yield "Rewards: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + "."
        reasons = sorted({reason for one in rewards for reason in one["reasons"]})
        if reasons:
            yield f"Reasons given: {', '.join(reasons)}."
        return
    yield "No reward was decided on."
    if known["claims"]:
        actions = ", ".join(f"{one['action']} {one['event_time']}" for one in known["claims"])
        yield (
            f"Claimed by: {actions}. Either this does not earn under the campaign (see its trigger "
            f"and minimum amount below), or the decision is still under way."
        )


def _not_registered(claims: Sequence[Mapping[str, Any]], code: str) -> str:
    """With what the collector found out about the code when it was touched or typed in."""
    found = {one["code_evidence"]: one["campaign_id"] for one in claims}
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
        f"The user's visitors met {code} in {_counted(views, 'view')} and "
        f"{_counted(clicks, 'click')}{bots}, first {interactions['first_at']}, last "
        f"{interactions['last_at']}."
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _attributed(known: Mapping[str, Any], code: str, user_id: str) -> Iterator[str]:
    decisive = [one for one in known["attributions"] if one["decisive"]]
    late = [one for one in known["attributions"] if not one["decisive"]]
    signup = known["signup"]
    if not decisive and signup is None:
        yield f"User {user_id} has not signed up."
    elif not decisive:
        yield f"User {user_id} signed up at {signup['event_time']} and is attributed to nobody."
    for one in decisive:
        ground = one["basis"].replace("_", " ")
        since = one["event_time"]
        yield f"User {user_id} is attributed to {one['code']} by {ground}, since {since}."
        if one["code"] != code:
            yield f"A user is attributed once, so {code} cannot earn by {user_id}."
    for one in late:
        yield f"A touch by {one['code']} at {one['touch_time']} came in too late to count."


def _terms(known: Mapping[str, Any]) -> dict[str, Any]:
    """The code as it is now; of its campaigns the versions that decided, else the newest one."""
    terms: dict[str, Any] = {}
    if known["code"] is not None:
        code = known["code"]
        terms[f"code {code['code']}"] = _some(code, _CODE_TERMS)
    versions = known["campaigns"]
    used = {(one["campaign_id"], one["campaign_version"]) for one in known["rewards"]}
    decided = [one for one in versions if (one["campaign_id"], one["version"]) in used]
    for one in decided or versions[-1:]:
        terms[f"campaign {one['campaign_id']} v{one['version']}"] = _some(one, _CAMPAIGN_TERMS)
    return terms


def _some(row: Mapping[str, Any], names: str) -> dict[str, Any]:
    return shown({name: row[name] for name in names.split() if row[name] is not None})


def _millis(text: str) -> Millis:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
