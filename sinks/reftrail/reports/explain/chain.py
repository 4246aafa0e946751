"""Chain behind a reward: the warehouse says where to look, Kafka's log is what is shown.

Each entry of the ledger names the message that it follows from, by topic, partition, offset and
id; so does each message up to what a client reported. They are read at these positions. Then the
decisions are made again, see `derivation`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.decisions import Claimed
from reftrail.contracts.events import Event
from reftrail.contracts.record import Derived, Millis, Record
from reftrail.contracts.topics import EVENTS, REWARDS
from reftrail.reports.client import ReportsClient
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.explanation import Explanation, LedgerChain, Link, link, shown
from reftrail.reports.explain.log import Log, LogMessage, LogPosition
from reftrail.reports.explain.summary import summary
from reftrail.rules.attribution.bounds import DEFAULT, Bounds
from reftrail.rules.attribution.decider import SIGNUP_WAIT

_CODE_TERMS: Final = (
    "campaign_id owner_user_id category channel status created_at expires_at max_uses"
)
_CAMPAIGN_TERMS: Final = (
    "trigger counts_views typed_code_wins minimum_amount_micros referrer_reward_micros "
    "referee_reward_micros reward_currency starts_at ends_at attribution_window_ms"
)
_NAMES: Final = {
    "RewardDecided": "entry",
    "Adjusted": "adjustment",
    "AdjustmentDecided": "decision",
    "Claimed": "claim",
    "Converted": "conversion",
    "ReferralVoided": "end of the referral",
    "UsersKnown": "users known to be this one",
    "ReviewsCarried": "knowledge of a merged user's referral",
    "Forwarded": "forwarded from a merged user",
    "OrderAsked": "question whose the order is",
}


def explain(  # noqa: PLR0913 - the workers' settings are rarely given
    reports: ReportsClient,
    log: Log,
    code: str,
    user_id: str,
    *,
    signup_wait: Millis = SIGNUP_WAIT,
    bounds: Bounds = DEFAULT,
) -> Explanation:
    """Explain all rewards of a user under a code. Raises `ExpectedError`.

    signup_wait and bounds are the workers' settings.
    """
    return explain_journey(
        reports.journey(code, user_id),
        log,
        code,
        user_id,
        signup_wait=signup_wait,
        bounds=bounds,
    )


def explain_journey(  # noqa: PLR0913 - the workers' settings are rarely given
    known: Mapping[str, Any],
    log: Log,
    code: str,
    user_id: str,
    *,
    signup_wait: Millis = SIGNUP_WAIT,
    bounds: Bounds = DEFAULT,
) -> Explanation:
    """The same from a journey that has been asked for, with its as_of. Raises `ExpectedError`."""
    code = known["code"]["code"] if known["code"] else spelled(code)
    return Explanation(
        as_of=known["as_of"],
        code=code,
        user_id=user_id,
        summary=list(summary(known, code, user_id)),
        stories=_stories(log, code, user_id, known),
        terms=_terms(known),
        derivations=derive(log, code, user_id, signup_wait, bounds),
    )


def _stories(log: Log, code: str, user_id: str, known: Mapping[str, Any]) -> list[LedgerChain]:
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


def _causes(log: Log, records: Iterable[Record]) -> dict[LogPosition, LogMessage]:
    """All that records follow from, up to what clients reported, by place: cause after cause."""
    known: dict[LogPosition, LogMessage] = {}
    wanted = {_cause_of(record) for record in records if isinstance(record, Derived)}
    while wanted:
        found = log.at(wanted)
        known |= found
        records = (logged.record for logged in found.values())
        wanted = {_cause_of(record) for record in records if isinstance(record, Derived)}
        wanted -= known.keys()
    return known


def _cause_of(record: Derived) -> LogPosition:
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
    causes: Mapping[LogPosition, LogMessage],
    touches: Mapping[str, LogMessage],
) -> LedgerChain:
    entries = [found[event_id] for event_id in event_ids if event_id in found]
    gaps = [
        f"entry {event_id} is not in Kafka's rewards topic"
        for event_id in event_ids
        if event_id not in found
    ]
    chain = list(_chain(entries[-1], causes, gaps)) if entries else []
    return LedgerChain(
        entries=[link(_NAMES["RewardDecided"], entry) for entry in entries],
        causes=[link(_what(cause), cause) for cause in chain],
        touch=_touch(chain, touches, gaps),
        gaps=gaps,
    )


def _chain(
    found: LogMessage, causes: Mapping[LogPosition, LogMessage], gaps: list[str]
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


def _terms(known: Mapping[str, Any]) -> dict[str, Any]:
    """The code as it is now; of its campaigns the versions that decided, else the newest one."""
    terms: dict[str, Any] = {}
    if known["code"] is not None:
        code = known["code"]
        terms[f"code {code['code']}"] = _some(code, _CODE_TERMS)
    versions = known["campaigns"]
    used = {(reward["campaign_id"], reward["campaign_version"]) for reward in known["rewards"]}
    decided = [
        version for version in versions if (version["campaign_id"], version["version"]) in used
    ]
    for version in decided or versions[-1:]:
        name = f"campaign {version['campaign_id']} v{version['version']}"
        terms[name] = _some(version, _CAMPAIGN_TERMS)
    return terms


def _some(row: Mapping[str, Any], names: str) -> dict[str, Any]:
    return shown({name: row[name] for name in names.split() if row[name] is not None})


def _millis(text: str) -> Millis:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
