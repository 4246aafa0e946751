"""Rows of a referral programme, made up within ClickHouse, in the warehouse's own tables.

90 days of events by a million visitors, of whom 200,000 sign up and buy, under 1,000 codes of 10
campaigns; 60 % of the users are referred, and a million rewards were granted for what they did,
most of them fulfilled, some reversed. A few users were merged. Each row follows from its number, so
that two runs make the same.
"""

from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.policy import Policy, policy_text

CAMPAIGNS: Final = 10
DAYS: Final = 90
BEGINNING: Final = "2026-01-01 00:00:00"
_BLOCK: Final = 1_000_000
_MOST_VISITORS: Final = 1_000_000
_WINDOW_MS: Final = 30 * 86_400_000

# A number of text, and a share of chance from it: each draw has a word of its own.
_FUNCTIONS: Final = (
    """
CREATE FUNCTION IF NOT EXISTS bench_chance AS (number, word) ->
    cityHash64(number, word) / 18446744073709551616
""",
    """
CREATE FUNCTION IF NOT EXISTS bench_at AS (part) ->
    toDateTime64('{beginning}', 3, 'UTC') + toIntervalMillisecond(toInt64(part * {days} * 86400000))
""",
    """
CREATE FUNCTION IF NOT EXISTS bench_code AS (visitor) ->
    toUInt64({codes} * pow(cityHash64(visitor, 'code') / 18446744073709551616, 2))
""",
    """
CREATE FUNCTION IF NOT EXISTS bench_signup AS (user) ->
    0.02 + 0.9 * cityHash64(user, 'signup') / 18446744073709551616
""",
)

# Visitors come in waves: each has a first day, and comes back within the next month.
_VISITS: Final = """
INSERT INTO events (
    event_id, type, event_time, received_at, visitor_id, code, code_known, campaign_id, category,
    channel, source, is_bot, country, key_kind, load
)
WITH
    bench_chance(number, 'kind') AS kind,
    toUInt64({visitors} * bench_chance(number, 'visitor')) AS visitor,
    bench_at(greatest(0, least(
        0.9999999, number / {events} + (bench_chance(number, 'moment') - 0.5) / 500
    ))) AS at,
    bench_code(visitor) AS its_code,
    visitor % 10 < 7 AS has_code
SELECT
    concat('v-', leftPad(toString(number), 12, '0')),
    multiIf(kind < 0.68, 'view', kind < 0.96, 'click', 'form_started'),
    at, at + toIntervalMillisecond(200 + number % 5000),
    concat('visitor-', toString(visitor)), if(has_code, concat('CODE', toString(its_code)), NULL),
    if(has_code, true, NULL),
    if(has_code, concat('campaign-', toString(its_code % {campaigns})), NULL),
    if(has_code, ['shop', 'app', 'partners'][its_code % 3 + 1], NULL),
    ['web', 'email', 'social', 'app'][its_code % 4 + 1],
    ['google.com', 'newsletter', 't.co', 'blog.example', NULL][visitor % 5 + 1],
    number % 40 = 0, ['DE', 'US', 'FR', 'GB', 'IN', 'BR', 'JP', 'ES'][visitor % 8 + 1],
    'publishable', toUInt64(number / 100000)
FROM numbers({begin}, {count})
"""

_SIGNUPS: Final = """
INSERT INTO events (
    event_id, type, event_time, received_at, visitor_id, user_id, channel, is_bot, country,
    key_kind, load
)
SELECT
    concat('s-', toString(number)), 'signup', bench_at(bench_signup(number)),
    bench_at(bench_signup(number)) + toIntervalMillisecond(300),
    concat('visitor-', toString(number * {visitors_a_user})), concat('user-', toString(number)),
    'web', false,
    ['DE', 'US', 'FR', 'GB', 'IN', 'BR', 'JP', 'ES'][number * {visitors_a_user} % 8 + 1], 'secret',
    1000000
FROM numbers({users})
"""

_PURCHASES: Final = """
INSERT INTO events (
    event_id, type, event_time, received_at, user_id, is_bot, country, order_id, amount_micros,
    net_amount_micros, currency, key_kind, load
)
WITH
    toUInt64({users} * pow(bench_chance(number, 'buyer'), 1.5)) AS user,
    bench_signup(user) + (1 - bench_signup(user)) * bench_chance(number, 'bought') AS part
SELECT
    concat('p-', toString(number)), 'purchase', bench_at(part),
    bench_at(part) + toIntervalMillisecond(300), concat('user-', toString(user)), false,
    ['DE', 'US', 'FR', 'GB', 'IN', 'BR', 'JP', 'ES'][user * {visitors_a_user} % 8 + 1],
    concat('order-', toString(number)), (10 + number % 190) * 1000000, (8 + number % 150) * 1000000,
    if(user % 4 = 0, 'EUR', 'USD'), 'secret', 1000001
FROM numbers({purchases})
"""

_REFUNDS: Final = """
INSERT INTO events (
    event_id, type, event_time, received_at, user_id, is_bot, order_id, amount_micros, currency,
    refund_id, key_kind, load
)
SELECT
    concat('r-', order_id), 'refund', event_time + toIntervalHour(24),
    event_time + toIntervalHour(24), user_id, false, order_id, intDiv(amount_micros, 2), currency,
    concat('refund-', assumeNotNull(order_id)), 'secret', 1000002
FROM events WHERE type = 'purchase' AND cityHash64(order_id) % 25 = 0
"""

_ATTRIBUTIONS: Final = """
INSERT INTO attributions (
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, user_id, visitor_id, code, campaign_id, basis, decisive, touch_time, signup_event_id,
    category, channel
)
WITH bench_code(number * {visitors_a_user}) AS its_code, bench_at(bench_signup(number)) AS at
SELECT
    concat('a-', toString(number)), at, at + toIntervalMillisecond(500), 'conversions', number % 8,
    number, 'cause', '1', concat('user-', toString(number)),
    concat('visitor-', toString(number * {visitors_a_user})), concat('CODE', toString(its_code)),
    concat('campaign-', toString(its_code % {campaigns})),
    multiIf(number % 10 = 0, 'typed_code', number % 10 = 1, 'identified', 'first_touch'),
    number % 5 < 3,
    at - toIntervalMinute(1 + number % 20000), concat('s-', toString(number)),
    ['shop', 'app', 'partners'][its_code % 3 + 1],
    ['web', 'email', 'social', 'app'][its_code % 4 + 1]
FROM numbers({users})
WHERE number % 5 < 3 OR number % 50 = 3
"""

# Reward n has one or two entries, 2n and 2n+1; half go to referrers, half to referees.
_REWARDS: Final = """
INSERT INTO rewards (
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, reward_id, code, user_id, beneficiary, role, action, status, reasons, value_micros,
    currency, kind, campaign_id, campaign_version, category, channel, order_id, basis,
    action_event_id, action_time, score, evidence
)
WITH
    intDiv(number, 2) AS reward,
    intDiv(reward, 2) AS act,
    act % {users} AS drawn,
    intDiv(drawn, 5) * 5 + drawn % 3 AS user,
    bench_code(user * {visitors_a_user}) AS its_code,
    reward % 2 = 0 AS to_referrer,
    bench_signup(user) + (1 - bench_signup(user)) * bench_chance(act, 'earned') AS part,
    number % 2 = 0 AS is_first_entry,
    multiIf(reward % 40 = 7, 'held', reward % 40 = 9, 'rejected', 'granted') AS begun,
    multiIf(
        is_first_entry, begun, reward % 10 < 8, 'fulfilled', reward % 30 < 10, 'failed',
        reward % 30 < 20, 'reversed', 'expired'
    ) AS its_status
SELECT
    concat('e-', toString(number)), bench_at(part) + toIntervalMinute(if(is_first_entry, 0, 20)),
    bench_at(part) + toIntervalMinute(if(is_first_entry, 0, 20)), 'reward-inputs', act % 8, number,
    'cause', '1', concat('reward-', toString(reward)), concat('CODE', toString(its_code)),
    concat('user-', toString(user)),
    concat(if(to_referrer, 'owner-', 'user-'), toString(if(to_referrer, its_code, user))),
    if(to_referrer, 'referrer', 'referee'), concat('purchase:', toString(act)), its_status,
    if(its_status = 'rejected', ['ip_velocity'], []), 5000000, if(user % 4 = 0, 'EUR', 'USD'),
    if(reward % 20 = 0, 'shipment', 'credit'),
    concat('campaign-', toString(its_code % {campaigns})), 1,
    ['shop', 'app', 'partners'][its_code % 3 + 1],
    ['web', 'email', 'social', 'app'][its_code % 4 + 1],
    concat('order-', toString(act)), 'first_touch', 'action', bench_at(part),
    if(begun = 'granted', 0, 60),
    if(begun = 'granted', NULL, '[{{"reason": "ip_velocity", "weight": 60, "figures": {{}}}}]')
FROM numbers({begin}, {count})
WHERE is_first_entry OR begun = 'granted'
"""

_OTHERS: Final = (
    """
INSERT INTO codes (
    event_id, event_time, received_at, code, campaign_id, owner_user_id, category, channel, status,
    created_at, revision
)
SELECT
    concat('code-', toString(number)), bench_at(0), bench_at(0), concat('CODE', toString(number)),
    concat('campaign-', toString(number % {campaigns})), concat('owner-', toString(number)),
    ['shop', 'app', 'partners'][number % 3 + 1], ['web', 'email', 'social', 'app'][number % 4 + 1],
    'active', bench_at(0), 1
FROM numbers({codes})
""",
    """
INSERT INTO merges
SELECT
    concat('user-', toString(number * 40 + 4)), concat('user-', toString(number * 40)), number,
    concat('m-', toString(number))
FROM numbers(intDiv({users}, 400))
""",
    """
INSERT INTO reward_granted (
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, reward_id, code, user_id, beneficiary, role, action, value_micros, currency, kind,
    campaign_id, campaign_version
)
SELECT
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, reward_id, code, user_id, assumeNotNull(beneficiary), role, action, value_micros,
    currency, kind, assumeNotNull(campaign_id), 1
FROM rewards WHERE status = 'granted'
""",
    """
INSERT INTO fulfilments (
    event_id, event_time, received_at, code, user_id, reward_id, role, outcome, kind, attempts
)
SELECT
    concat(event_id, '-delivered'), event_time, event_time, code, user_id, reward_id, role,
    'delivered', kind, 1
FROM rewards WHERE status = 'fulfilled'
""",
)


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of rows of each kind; with fewer events than 50 million, in proportion."""

    events: int

    @property
    def scale(self) -> float:
        """The part of 50 million events."""
        return self.events / 50_000_000

    @property
    def visitors(self) -> int:
        """Visitors, of whom every fifth signs up."""
        return max(1_000, int(_MOST_VISITORS * self.scale))

    @property
    def users(self) -> int:
        """Users who sign up."""
        return self.visitors // 5

    @property
    def purchases(self) -> int:
        """Orders of these."""
        return self.users * 5 // 2

    @property
    def rewards(self) -> int:
        """Rewards, most of them with two entries in the ledger."""
        return self.users * 5

    @property
    def codes(self) -> int:
        """Codes, few of which have very much under them."""
        return 1_000


def fill(client: Client, size: Size) -> None:
    """Make all rows."""
    known = {
        "beginning": BEGINNING,
        "days": DAYS,
        "campaigns": CAMPAIGNS,
        "codes": size.codes,
        "events": size.events,
        "visitors": size.visitors,
        "users": size.users,
        "visitors_a_user": 5,
        "purchases": size.purchases,
    }
    for statement in _FUNCTIONS:
        client.command(statement.format(**known))
    for statement, rows in ((_VISITS, size.events), (_REWARDS, 2 * size.rewards)):
        for begin in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - begin)
            client.command(statement.format(**known, begin=begin, count=count))
    for statement in (_SIGNUPS, _PURCHASES, _REFUNDS, _ATTRIBUTIONS, *_OTHERS):
        client.command(statement.format(**known))
    columns = ["event_id", "campaign_id", "version", "name", "attribution_window_ms", "policy"]
    names = [f"campaign-{number}" for number in range(CAMPAIGNS)]
    defined = [[f"{name}-1", name, 1, name, _WINDOW_MS, policy_text(Policy())] for name in names]
    client.insert("campaigns", defined, column_names=columns)
