"""Rows about a user, gathered by two queries in most cases.

ClickHouse takes milliseconds to plan a query, so what is known of the user is asked for at once,
and then what is known of the codes, campaigns and shipments found.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.reference import CodeStatus
from reftrail.reports.user_view.attributed import FEW
from reftrail.reports.user_view.earnings import Earnings, Shipment
from reftrail.reports.user_view.lookups import FoundRows, look_up
from reftrail.reports.user_view.people import Person, person_of
from reftrail.reports.user_view.rows import CodeRow, MergeRow

MOST_SHOWN: Final = 100
"""The most codes, shipments and statements that are shown: the latest ones, active codes first."""

_MOST_NAMED: Final = 1000
"""The most codes that a query names. 60,000 took 80 s; a server takes a URL of 1 MiB at most."""

_OF_PERSON: Final = ("entries", "page")


def rows_of_person(client: Client, user: str) -> tuple[Person, FoundRows]:
    """The person that a user is, and their rows. If the user was merged, a second query is made."""

    def merges(users: Sequence[str]) -> list[MergeRow]:
        return look_up(client, "page", about=_users(users)).every(MergeRow)

    def every_row(users: Sequence[str]) -> FoundRows:
        return look_up(client, *_OF_PERSON, users=users, about=_users(users))

    known = every_row(Person(user).users)
    person = person_of(user, known.every(MergeRow), merges)
    if person.merged:
        known = every_row(person.users)
    return person, known


def _users(users: Sequence[str]) -> list[str]:
    return [f"user:{user}" for user in users]


def rows_about_codes(
    client: Client,
    person: Person,
    codes: Iterable[CodeRow],
    found: Earnings,
    shipments: Sequence[Shipment],
) -> tuple[list[CodeRow], FoundRows]:
    """The codes that are the user's, and the rows about these, about shipments and campaigns.

    codes are revisions under which a code was the user's. Later ones, by which it is another's,
    come with the other rows; only then is it asked again.
    """
    known = _latest_revisions(codes)
    while True:
        owned = [code for code in known.values() if code.owner_user_id in person.users]
        about = [f"campaign:{campaign}" for campaign in campaigns_of(found, owned)]
        asked: dict[str, Mapping[str, Any]] = {}
        if len(known) > _MOST_NAMED:
            asked["codes"] = {"owners": _users(person.users)}
        else:
            about += [f"code:{code}" for code in known]
        asked |= _about(shown_codes(owned), shipments, about)
        more = _look_up_each(client, asked)
        now = _latest_revisions((*known.values(), *more.every(CodeRow)))
        if now == known:
            return owned, more
        known = now


def _latest_revisions(codes: Iterable[CodeRow]) -> dict[str, CodeRow]:
    """The latest revision of each code."""
    return {code.code: code for code in sorted(codes, key=attrgetter("revision"))}


def campaigns_of(found: Earnings, owned: Iterable[CodeRow]) -> list[str]:
    """The campaigns that the user has earned in, or has a code of."""
    return sorted({*filter(None, found.grants), *(code.campaign_id for code in owned)})


def shown_codes(owned: Iterable[CodeRow]) -> list[CodeRow]:
    """The codes that are shown, the latest first: all active ones before any other is left out."""
    latest = sorted(owned, key=lambda code: (-code.created_ms, code.code))
    by_status = sorted(latest, key=lambda code: code.status != CodeStatus.ACTIVE)
    shown = {code.code for code in by_status[:MOST_SHOWN]}
    return [code for code in latest if code.code in shown]


def _about(
    codes: Sequence[CodeRow], shipments: Sequence[Shipment], about: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """The lookups about what is known by now that can find rows, with their parameters."""
    asked: dict[str, dict[str, Any]] = {}
    if codes:
        decided = [f"decisions:{code.code}" for code in codes]
        asked["code_page"] = {"about": [*about, *decided], "decided": decided, "most": FEW + 1}
    elif about:
        asked["page"] = {"about": about}
    if shipments:
        asked["fulfilments"] = {
            "shipped_by": sorted({shipment.now.code for shipment in shipments}),
            "rewards": [shipment.now.reward_id for shipment in shipments],
        }
    return asked


def _look_up_each(client: Client, asked: Mapping[str, Mapping[str, Any]]) -> FoundRows:
    parameters = {name: value for values in asked.values() for name, value in values.items()}
    return look_up(client, *asked, **parameters)
