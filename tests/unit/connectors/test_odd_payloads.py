"""Deliveries with a field that isn't as documented: events, or an error that says so."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from support.deliveries import payloads

from reftrail.collector.examination import examine
from reftrail.connectors import CONNECTORS, Delivery
from reftrail.connectors.deliveries import Unreadable
from reftrail.contracts.events import KeyKind

AT = 1_764_500_000_000
ODD: tuple[Any, ...] = (
    *(None, "", 0, -1, 1.5, True, "x", [], {}, [1], {"a": 1}, 10**20, "1e99", "NaN"),
    *("\ud800", "9" * 5000, {"amount": "x"}, [{"amount": "x"}], [{"amount": []}]),
)
TOPICS = {"shopify": "orders/updated", "woocommerce": "order.updated"}


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values within a value."""
    within = value.items() if isinstance(value, dict) else enumerate(value)
    for name, below in within:
        yield (*above, name)
        if isinstance(below, dict | list):
            yield from places(below, (*above, name))


def replaced(payload: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = deepcopy(payload)
    within = changed
    for name in place[:-1]:
        within = within[name]
    within[place[-1]] = value
    return changed


@pytest.mark.parametrize("provider", ["stripe", "shopify", "woocommerce"])
def test_what_is_not_as_documented_is_judged_or_unreadable(provider: str) -> None:
    connector = CONNECTORS[provider]
    for payload in filter(lambda given: isinstance(given, dict), payloads(provider).values()):
        for place in places(payload):
            for value in ODD:
                changed = replaced(payload, place, value)
                topic = TOPICS.get(provider) or str(changed["type"])
                try:
                    mapped = connector.map(Delivery(topic, changed, counts_tests=True))
                except Unreadable:
                    continue
                examine(mapped.events, KeyKind.SECRET, AT, 0)
