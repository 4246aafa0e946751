"""Files of failing examples: what they keep, and that the properties are still there."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from property.plan_step import Step
from property.programmes import Manner
from support.syntax import parsed

from explore.found import FOUND, TESTS, FoundFailure, found_in, given_back, kept, read
from reftrail.contracts.events import AnyEvent, Click, Purchase
from reftrail.contracts.record import Record


def of_a_log(events: list[AnyEvent], manner: Manner) -> None: ...


def of_a_plan(plan: list[Step], names: set[str], content: bytes) -> None: ...


def of_any_record(record: Record) -> None: ...


TIMES: dict[str, Any] = {"event_id": "e", "event_time": 1, "received_at": 2}
CLICK = Click(**TIMES, visitor_id="v", code="AMY")
PURCHASE = Purchase(**TIMES, user_id="u", order_id="o", amount_micros=1, currency="EUR")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (of_a_log, {"events": [CLICK, PURCHASE], "manner": Manner(3, 2, None, True)}),
        (of_a_plan, {"plan": [Step("tick", 1, 2, 3)], "names": {"a", "b"}, "content": b"\0\xff"}),
    ],
)
def test_arguments_come_back_as_they_were(
    function: Callable[..., None], arguments: dict[str, Any], tmp_path: Path
) -> None:
    plain = kept(function, arguments)
    path = FoundFailure(test="t.py::test_t", seed=1, raised="", arguments=plain).write(tmp_path)
    found = read(path)
    assert found.arguments is not None
    assert given_back(function, found.arguments) == arguments


def test_arguments_that_would_not_come_back_are_not_kept() -> None:
    assert kept(of_any_record, {"record": CLICK}) is None
    assert kept(of_a_plan, {"plan": object()}) is None


def test_each_file_is_about_a_property_that_exists() -> None:
    for path, found in found_in(FOUND).items():
        place, _, function = found.test.partition("::")
        tree = parsed((TESTS / place).read_text())
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in names, f"{path} is about {found.test}: rename it there, or remove it"
