"""Chain behind a reward: the warehouse says where to look, Kafka's log is what is shown.

Each entry of the ledger names the message that it follows from, by topic, partition, offset and
id; so does each message up to what a client reported. They are read at these positions. Then the
decisions are made again, see `derivation`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.decisions import Claimed, RewardStatus
from reftrail.contracts.events import CodeEvidence, Event
from reftrail.contracts.record import Derived, Millis, Record
from reftrail.contracts.topics import EVENTS, REWARDS
from reftrail.reports.client import ReportsClient
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.explanation import Explanation, Link, Story, link, shown
from reftrail.reports.explain.log import Log, LogMessage, Place
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
    """Explain all rewards of a user under a code. Raises `ExpectedError`.

    signup_wait is the workers' setting.
    """
    known = reports.journey(code, user_id)
    code = known["code"]["code"] if known["code"] else spelled(code)
    return Explanation(
        as_of=known["as_of"],
        code=code,
        user_id=user_id,
        summary=list(_summary(known, code, user_id)),
        stories=_stories(log, code, user_id, known),
        terms=_terms(known),
        derivations=derive(log, code, user_id, signup_wait),
    )


def _stories(log: Log, code: str, user_id: str, known: Mapping[str, Any]) -> list[Story]:
    """The stories of all entries. Each partition of the log is read a few times for all."""
    entries = known["rewards"]
    by_cause: dict[tuple[Any, ...], list[str]] = {}
    for entry in entries:
        cause = (entry["cause_topic"], entry["cause_partition"], entry["cause_offset"])
        by_cause.setdefault(cause, []).append(entry["event_id"])
    if not entries:
        return []
    ids = [entry["event_id"] for entry in entries]
    not_before = min(_not_before(entry) for entry in entries)
    found = log.find(REWARDS, f"{code}:{user_id}", ids, user_id.encode(), not_before)
    causes = _causes(log, [logged.record for logged in found.values()])
    touches = _touches(log, causes.values(), known["touches"])
    return [_story(event_ids, found, causes, touches) for event_ids in by_cause.values()]


def _causes(log: Log, records: Iterable[Record]) -> dict[Place, LogMessage]:
    """All that records follow from, up to what clients reported, by place: cause after cause."""
    known: dict[Place, LogMessage] = {}
    wanted = {_cause_of(record) for record in records if isinstance(record, Derived)}
    while wanted:
        found = log.at(wanted)
        known |= found
        records = (logged.record for logged in found.values())
        wanted = {_cause_of(record) for record in records if isinstance(record, Derived)}
        wanted -= known.keys()
    return known


def _cause_of(record: Derived) -> Place:
    return record.cause_topic, record.cause_partition, record.cause_offset


def _touches(
    log: Log, causes: Iterable[LogMessage], touches: Iterable[Mapping[str, Any]]
) -> dict[str, LogMessage]:
    """The touches that claims among the causes rest on, by their ids."""
    claims = (cause.record for cause in causes if isinstance(cause.record, Claimed))
    wanted = {claim.touch_event_id for claim in claims}
    found: dict[str, LogMessage] = {}
    for touch in touches:
        its_id = touch["event_id"]
        if its_id in wanted:
            visitor_id, needle = touch["visitor_id"], its_id.encode()
            found |= log.find(EVENTS, visitor_id, [its_id], needle, _not_before(touch))
    return found


def _story(
    event_ids: Iterable[str],
    found: Mapping[str, LogMessage],
    causes: Mapping[Place, LogMessage],
    touches: Mapping[str, LogMessage],
) -> Story:
    entries = [found[event_id] for event_id in event_ids if event_id in found]
    gaps = [
        f"entry {event_id} is not in Kafka's rewards topic"
        for event_id in event_ids
        if event_id not in found
    ]
    chain = list(_chain(entries[-1], causes, gaps)) if entries else []
    return Story(
        entries=[link(_NAMES["RewardDecided"], entry) for entry in entries],
        causes=[link(_what(cause), cause) for cause in chain],
        touch=_touch(chain, touches, gaps),
        gaps=gaps,
    )


def _chain(
    found: LogMessage, causes: Mapping[Place, LogMessage], gaps: list[str]
) -> Iterator[LogMessage]:
    """From what a message follows from to what a client reported."""
    record = found.record
    while isinstance(record, Derived):
        place = f"{record.cause_topic}/{record.cause_partition} offset {record.cause_offset}"
        cause = causes.get(_cause_of(record))
        if cause is None:
            gaps.append(f"{place} is not in Kafka any more")
            return
        if cause.record.event_id != record.cause_event_id:
            gaps.append(f"{place} has the id {cause.record.event_id}, not {record.cause_event_id}")
            return
        yield cause
        record = cause.record


def _touch(
    chain: list[LogMessage], touches: Mapping[str, LogMessage], gaps: list[str]
) -> Link | None:
    claims = [found.record for found in chain if isinstance(found.record, Claimed)]
    wanted = claims[0].touch_event_id if claims else None
    if wanted is None:
        return None
    if wanted in touches:
        return link(_what(touches[wanted]), touches[wanted])
    gaps.append(f"the touch {wanted} is not in Kafka any more")
    return None


def _not_before(row: Mapping[str, Any]) -> Millis:
    """A time at which a record wasn't written yet, from its row."""
    return min(_millis(row["event_time"]), _millis(row["received_at"]))


def _what(found: LogMessage) -> str:
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
