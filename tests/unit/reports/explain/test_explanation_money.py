"""Amounts in an explanation, with the places of their currency."""

from reftrail.reports.explain.explanation import shown


def test_an_amount_is_shown_in_its_currency() -> None:
    entry = {"value_micros": 100_000_000, "currency": "JPY"}
    assert shown(entry) == {"value": "100", "currency": "JPY"}


def test_a_campaigns_amounts_are_in_that_of_its_rewards() -> None:
    terms = {"minimum_amount_micros": 1_500_000, "reward_currency": "KWD"}
    assert shown(terms) == {"minimum_amount": "1.500", "reward_currency": "KWD"}


def test_a_refund_without_a_currency_has_two_places() -> None:
    assert shown({"amount_micros": 5_000_000}) == {"amount": "5.00"}
