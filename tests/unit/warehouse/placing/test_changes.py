"""Changes that reach placed facts, one after the other in one programme.

To place the facts of a programme takes 1.3 s of processor time: each change finds those of the
change before.
"""

import asyncio
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.placed_programme import (
    answers,
    come_in_a_far_year,
    come_late,
    correct,
    differ,
    erase_and_load_as_many,
    forget_the_month,
    load_programme,
    merge,
    name_the_category_otherwise,
    pay_back,
    pseudonymise,
    register_otherwise,
    register_what_was_used_before,
    reverse,
)
from support.placing import placed_facts


@pytest.fixture(scope="module")
def changing(shared_clickhouse: ClickHouse) -> ClickHouse:
    """A programme that the tests before may have changed."""
    asyncio.run(load_programme(shared_clickhouse))
    return shared_clickhouse


@pytest.mark.parametrize(
    "change",
    [
        correct,
        merge,
        register_what_was_used_before,
        name_the_category_otherwise,
        register_otherwise,
        pay_back,
        reverse,
        come_late,
        come_in_a_far_year,
        pseudonymise,
        erase_and_load_as_many,
        forget_the_month,
    ],
)
async def test_what_changes_reaches_placed_facts(changing: ClickHouse, change: Any) -> None:
    before = placed_facts(changing)
    await change(changing)

    of_views = answers(changing)
    assert differ(changing, before, of_views), "the change is one that no report sees"
    assert answers(changing, placed_facts(changing)) == of_views
