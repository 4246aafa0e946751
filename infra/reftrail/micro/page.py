"""The page at `/micro`: plain HTML, which loads itself again every two seconds."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec

from reftrail.contracts.times import rfc3339

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_SHOWN: Final = 100
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin: 0 0 2rem }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; vertical-align: top }
th { border-bottom: 1px solid #bbb } td { border-bottom: 1px solid #eee }
h2 { font-size: 1.05rem; margin: 0 0 .4rem } code { font-size: 13px }
"""

Rows = Iterable[Sequence[object]]


def page(
    events: Sequence[Mapping[str, Any]],
    bad: Mapping[str, Any],
    decided: Mapping[str, Sequence[Any]],
) -> str:
    """The last hundred of each, the latest first."""
    parts = [
        _table(
            f"Came in: {len(events)}",
            ("received", "type", "visitor", "user", "code", "known", "order", "bot"),
            map(_event_row, _latest(events)),
        ),
        _table(
            f"Refused: {len(bad['bad'])}",
            ("at", "request", "status", "field", "reason", "sent"),
            map(_bad_row, _latest(bad["bad"])),
        ),
        _table(
            f"Dead letters: {len(bad['dead_letters'])}",
            ("at", "stage", "reason", "detail"),
            (
                (letter["at"], letter["stage"], letter["reason"], letter["detail"])
                for letter in _latest(bad["dead_letters"])
            ),
        ),
        _table(
            f"Referred: {len(decided['attributions'])}",
            ("user", "code", "campaign", "because of"),
            (
                (found["user_id"], found["code"], found["campaign_id"], found["basis"])
                for found in _latest(decided["attributions"])
            ),
        ),
        _table(
            f"Rewards: {len(decided['rewards'])}",
            ("status", "who gets it", "role", "value", "for", "of user", "code", "reasons"),
            map(_reward_row, _latest(decided["rewards"])),
        ),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta http-equiv="refresh" content="2"><title>reftrail micro</title>'
        f"<style>{_STYLE}</style><h1>reftrail micro</h1>{''.join(parts)}</html>"
    )


def _latest(found: Sequence[Any]) -> list[Any]:
    return list(reversed(found[-_SHOWN:]))


def _event_row(event: Mapping[str, Any]) -> Sequence[object]:
    known = {True: "yes", False: "no", None: None}[event["code_known"]]
    return (
        rfc3339(event["received_at"]),
        *(event[name] for name in ("type", "visitor_id", "user_id", "code")),
        known,
        event["order_id"],
        "bot" if event["is_bot"] else None,
    )


def _bad_row(rejected: Mapping[str, Any]) -> Sequence[object]:
    sent = msgspec.json.encode(rejected["item"]).decode() if rejected["item"] is not None else ""
    request = f"{rejected['method']} {rejected['path']}"
    return (
        rejected["at"],
        request,
        rejected["status"],
        rejected["pointer"],
        rejected["reason"],
        sent[:300],
    )


def _reward_row(entry: Mapping[str, Any]) -> Sequence[object]:
    value = f"{entry['value']} {entry['currency']}"
    return (
        entry["status"],
        entry["beneficiary"],
        entry["role"],
        value,
        entry["action"],
        entry["user_id"],
        entry["code"],
        ", ".join(entry["reasons"]),
    )


def _table(title: str, heads: Sequence[str], rows: Rows) -> str:
    head = "".join(f"<th>{escape(name)}" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('' if cell is None else str(cell))}" for cell in row)
        for row in rows
    )
    return f"<h2>{escape(title)}</h2><table><tr>{head}{body}</table>"
