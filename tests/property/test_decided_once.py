"""Limits of what is decided: nobody is attributed or paid twice, nor under a forged code."""

from collections import Counter, defaultdict

from hypothesis import given
from property.decided_records import attributions, entries
from property.programmes import DERIVED, FORGED, MOST_USES, Manner, logs, manners, played

from reftrail.contracts.decisions import RewardGranted, RewardStatus
from reftrail.contracts.events import AnyEvent
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import REWARD_GRANTED
from reftrail.simulator import in_force


@given(logs(), manners)
def test_no_more_users_earn_through_a_code_than_it_allows(
    events: list[AnyEvent], manner: Manner
) -> None:
    users, used_up = defaultdict(set), set()
    for entry in entries(played(events, manner)):
        if entry.status == RewardStatus.GRANTED:
            users[entry.code].add(entry.user_id)
        if "code_used_up" in entry.reasons:
            used_up.add(entry.code)
    for code, most in MOST_USES.items():
        assert len(users[code]) <= most
        assert len(users[code]) == most or code not in used_up, "refused without need"


@given(logs(), manners)
def test_nobody_is_attributed_twice_and_nothing_is_granted_twice(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    decided = Counter(user for user, _ in in_force(attributions(host)))
    assert all(count == 1 for count in decided.values())
    story = defaultdict(list)
    for entry in entries(host):
        story[entry.reward_id].append(entry)
    for lines in story.values():
        assert [line.status for line in lines] in (
            ["granted"],
            ["rejected"],
            ["granted", "reversed"],
        )
        if len(lines) == 2:
            assert lines[1].supersedes == lines[0].event_id
            assert lines[1].value_micros == lines[0].value_micros
    granted = [entry.event_id for entry in entries(host) if entry.status == RewardStatus.GRANTED]
    orders = [grant for grant in host.log(REWARD_GRANTED) if isinstance(grant, RewardGranted)]
    assert [order.event_id for order in orders] == granted


@given(logs(), manners)
def test_whoever_earns_was_attributed_to_the_code_first(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    decided = {
        (attribution.user_id, attribution.code)
        for attribution in attributions(host)
        if attribution.decisive
    }
    in_the_end = {(user, by.code) for user, by in in_force(attributions(host))}
    for entry in entries(host):
        assert (entry.user_id, entry.code) in decided
        if entry.status == RewardStatus.GRANTED:
            assert (entry.user_id, entry.code) in in_the_end, "corrected after a grant"
        assert entry.user_id != entry.beneficiary or entry.role == "referee" or entry.reasons


@given(logs(), manners)
def test_a_forged_code_never_earns_and_a_derived_one_needs_no_lookup(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    for entry in entries(host):
        if entry.code == FORGED:
            assert entry.reasons == [Reason.FORGED_CODE]
        if entry.code in DERIVED:
            assert entry.campaign_id == DERIVED[entry.code]
            assert not {Reason.UNKNOWN_CODE, Reason.FORGED_CODE} & set(entry.reasons)
    assert not {("code", code) for code in (FORGED, *DERIVED)} & host.reference.missed
