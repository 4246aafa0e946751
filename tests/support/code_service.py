"""Terms, times and checks that tests of the service of codes share."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reftrail.codes.model import (
    ActRefused,
    FormatTerms,
    Why,
)
from reftrail.codes.store import Store, outbox
from reftrail.contracts.codec import decode
from reftrail.contracts.reference import (
    FormatKind,
)
from support.codes import BY, SUMMER

NOW = BY.at or 0


LATER = replace(BY, at=NOW + 1_000)


AMY = replace(SUMMER, owner_user_id="amy", record_kind="ticket", record_id="77")


DERIVED = FormatTerms(
    name="spring",
    pattern="SPR{body:8}{check}",
    kind=FormatKind.DERIVED,
    campaign_id="spring",
    category="print",
)


STRUCTURED = FormatTerms(
    name="programme",
    pattern="{programme:PRG|VIP}-{year:2020-2039}-{region:@@}-{sequence:###}-{status:A|R}",
)


PLACE = {"programme": "PRG", "year": "2025", "region": "US", "status": "A"}


def refused(why: Why, do: Callable[[], object]) -> str:
    with pytest.raises(ActRefused) as caught:
        do()
    assert caught.value.why == why, caught.value
    return str(caught.value)


def sent(store: Store) -> list[object]:
    """The messages that wait for Kafka."""
    with store.read() as connection:
        return [decode(message.value) for message in outbox.first_waiting(connection, 100_000)]
