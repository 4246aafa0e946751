"""Values that publishable keys make up: so many a day are kept, for each key and dimension."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from support.programme import code

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.collector.dimensions import Dimensions
from reftrail.collector.event_rows import EventRow
from reftrail.collector.submission import AnySubmission, validate_all
from reftrail.contracts.record import DAY

EMPTY = EventRow(*[None] * len(EventRow.__struct_fields__))  # type: ignore[arg-type]
NOON = 20_000 * DAY + DAY // 2


def view(**fields: Any) -> AnySubmission:
    (event,) = validate_all([{"type": "view", "visitor_id": "v", **fields}])
    return event


def of_no_code(_name: str, _value: str) -> bool:
    return False


def folded(
    dimensions: Dimensions,
    key: str,
    at: int = NOON,
    of_code: str | None = None,
    names_value: Callable[[str, str], bool] = of_no_code,
    **fields: Any,
) -> tuple[str | None, list[str]]:
    """The channel that is written, and the dimensions that were folded."""
    event = view(**fields)
    row = replace(
        EMPTY,
        received_at=at,
        campaign_id=of_code or event.campaign_id,
        category=event.category,
        channel=event.channel,
        utm_source=event.utm_source,
    )
    names = dimensions.fold(key, event, row, names_value)
    return row.channel, names


@pytest.fixture
def dimensions() -> Dimensions:
    return Dimensions(most=2)


def test_the_first_values_of_a_day_are_kept(dimensions: Dimensions) -> None:
    found = [folded(dimensions, "page", channel=name) for name in ("a", "b", "c", "a", "c")]
    assert found == [
        ("a", []),
        ("b", []),
        ("other", ["channel"]),
        ("a", []),
        ("other", ["channel"]),
    ]
    assert folded(dimensions, "page", NOON + DAY, channel="c") == ("c", [])


def test_each_key_and_dimension_has_its_own(dimensions: Dimensions) -> None:
    for name in ("a", "b"):
        folded(dimensions, "page", channel=name)
    assert folded(dimensions, "app", channel="c") == ("c", [])
    assert folded(dimensions, "page", category="c") == (None, [])
    assert folded(dimensions, "page") == (None, [])


def test_a_code_s_own_campaign_is_none_of_the_key_s(dimensions: Dimensions) -> None:
    for name in ("a", "b", "c"):
        _, names = folded(dimensions, "page", of_code="summer", campaign_id=name)
        assert names == []
    own = [folded(dimensions, "page", campaign_id=name)[1] for name in ("a", "b", "c")]
    assert own == [[], [], ["campaign_id"]]


def test_what_a_code_s_record_names_is_kept_whatever_came_before(dimensions: Dimensions) -> None:
    """Else made-up channels would take rewards from codes that are good in some only."""
    known = KnownCodes(None)
    known.take(code("AMY", "summer", category="cards", channels=["radio"]))
    for name in ("a", "b", "c"):
        folded(dimensions, "page", campaign_id=name, category=name, channel=name)

    named: dict[str, Any] = {"campaign_id": "summer", "category": "cards", "channel": "radio"}
    kept = folded(dimensions, "page", of_code="summer", names_value=known.names_value, **named)
    assert kept == ("radio", [])
    made_up = folded(dimensions, "page", names_value=known.names_value, channel="print")
    assert made_up == ("other", ["channel"])


def test_sources_are_bounded_as_channels_are(dimensions: Dimensions) -> None:
    """A code's record names no source, so none is kept for being one."""

    def none_is_asked_for(name: str, value: str) -> bool:
        raise AssertionError(f"{name} {value} is no code's")

    written = [
        folded(dimensions, "page", names_value=none_is_asked_for, utm_source=f"made up {nth}")[1]
        for nth in range(20)
    ]
    assert written == [[], [], *[["utm_source"]] * 18]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("newsletter", "newsletter"),
        (" Partner Blog ", "Partner Blog"),
        ("é" * 64, "é" * 64),
        ("x" * 65, "other"),
        ("x" * 100_000, "other"),
        ("amy@shop.example", "other"),
        ("amy%40shop.example", "other"),
        ("amy%252540shop.example", "other"),
        ("amy\uff20shop.example", "other"),
        ("50%2540", "other"),
        ("50%25 40", "50%25 40"),
        ("   ", None),
        ("", None),
        ("a\x00b", "other"),
        ("a\u200bb", "other"),
    ],
)
def test_what_is_no_source_is_other_and_never_rejected(given: str, kept: str | None) -> None:
    event = view(utm_source=given)
    assert event.utm_source == kept
