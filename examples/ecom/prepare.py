"""From page visits to referral events: one line each, in the order in which they happened.

Every row of the clickstream becomes one event. The first row of a session that came through a
channel is in addition the click that led there. See README.md for the reading behind it.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

NEEDS_ACCOUNT: Final = ("account_page", "shipping_details")
"""Pages for which one needs an account: a user's first of them is taken as the registration."""

PROMOTION: Final = "PROMO"
AMOUNT: Final = "1.00"
"""The file doesn't say what an order cost. Each counts as one unit."""


class Row(NamedTuple):
    """A line of the prepared file; mapping.toml says what its columns mean."""

    id: str
    time: str
    what: str
    visitor: str
    user: str = ""
    code: str = ""
    order: str = ""
    amount: str = ""
    page: str = ""
    platform: str = ""


def prepare(clickstream: Path, prepared: Path) -> int:
    """Write the events of a clickstream as CSV; returns how many there are."""
    with gzip.open(clickstream, "rt", newline="") as file:
        pages = sorted(csv.DictReader(file), key=lambda page: page["timestamp"])
    rows = [
        Row(_event_id(page["timestamp"], number), **facts)
        for number, (page, facts) in enumerate(_events(pages))
    ]
    with prepared.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(Row._fields)
        lines.writerows(rows)
    return len(rows)


def code_of(channel: str) -> str:
    """The code of an acquisition channel; none for people who came directly."""
    return "" if channel == "direct" else channel.upper().replace("_", "-")


def _events(pages: Iterable[dict[str, str]]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """The pages in the order of time, each with the event or events that it means."""
    sessions, registered, orders = set[str](), set[str](), 0
    for page in pages:
        user, channel = page["user_id"], code_of(page["acquisition_channel"])
        common = {
            "time": page["timestamp"],
            "visitor": f"browser-of-{user}",
            "page": page["event"],
            "platform": page["platform"],
        }
        if page["session_id"] not in sessions and channel:
            yield page, {**common, "what": "click", "code": channel}
        sessions.add(page["session_id"])
        if page["event"] in NEEDS_ACCOUNT and user not in registered:
            registered.add(user)
            yield page, {**common, "what": "registration", "user": user}
        elif page["event"] == "purchase":
            orders += 1
            paid = {"user": user, "order": f"order-{orders}", "amount": AMOUNT}
            yield page, {**common, "what": "payment", **paid}
        else:
            code = PROMOTION if page["event"] == "promo_page" else channel
            yield page, {**common, "what": "view", "code": code}


def _event_id(timestamp: str, number: int) -> str:
    """A UUIDv7 of the time and the place in the file: the same whenever this runs.

    So what was sent twice is counted once, and of two touches in one second the first is first.
    """
    at = int(datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp() * 1000)
    digits = f"{at << 80 | 7 << 76 | 2 << 62 | number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
