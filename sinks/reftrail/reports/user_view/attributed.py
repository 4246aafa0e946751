"""Numbers of users attributed to codes."""

from collections.abc import Sequence
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.user_view.lookups import look_up
from reftrail.reports.user_view.rows import AttributedCount, Correction, Decision

FEW: Final = 1000
"""The most decisions that are looked at one by one.

Counting more in ClickHouse takes it longer to plan, but no longer for their number.
"""


def attributed_to(
    client: Client,
    codes: Sequence[str],
    decisions: Sequence[Decision],
    corrections: Sequence[Correction],
    few: int = FEW,
) -> dict[str, int]:
    """Users by code whose decision for it wasn't corrected; codes without any are left out.

    decisions and their corrections are all that there are for the codes, or decisions are more than
    few.
    """
    if not decisions:
        return {}
    if len(decisions) > few:
        counted = look_up(client, "attributed", codes=codes).every(AttributedCount)
        return {count.code: count.users for count in counted}
    corrected = {correction.corrects for correction in corrections}
    users: dict[str, set[str]] = {}
    for decision in decisions:
        if decision.event_id not in corrected:
            users.setdefault(decision.code, set()).add(decision.user_id)
    return {code: len(known) for code, known in users.items()}
