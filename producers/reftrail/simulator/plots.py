"""The plots of journeys, and how often each is."""

from collections.abc import Mapping
from typing import Final

from reftrail.simulator import journeys, people, subscriptions
from reftrail.simulator.journey import Plot

PLOTS: Final[Mapping[Plot, int]] = {
    journeys.browses: 540,
    journeys.crawls: 30,
    journeys.begins_the_form: 200,
    journeys.joins: 100,
    journeys.joins_by_itself: 35,
    journeys.joins_with_two_codes: 20,
    journeys.joins_too_late: 15,
    journeys.comes_again: 15,
    journeys.arrives_out_of_order: 20,
    journeys.touch_arrives_after_signup: 25,
    journeys.refers_itself: 10,
    journeys.a_bot_was_here_before: 15,
    subscriptions.subscribes: 9,
    people.clicks_on_another_device: 5,
    people.merges_accounts: 4,
    people.registers_again: 3,
}
"""Number of journeys that go like this, of a thousand and some."""

SUBSCRIPTIONS: Final[Mapping[Plot, int]] = {
    journeys.browses: 30,
    journeys.joins: 10,
    subscriptions.subscribes: 40,
    people.clicks_on_another_device: 20,
    people.merges_accounts: 20,
    people.registers_again: 10,
}
"""A mix in which most events are about subscriptions and people with several accounts."""
