"""Campaigns in words: every setting as it would stand in a file, and what differs between two."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.evidence import limit_text
from reftrail.campaigns.toml_file import Where
from reftrail.campaigns.units import ABSENT, quoted
from reftrail.campaigns.validation import takes
from reftrail.campaigns.wire import campaign_of
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined

_IN_FORCE: Final = "effective_from"
_ARRAYS: Final = {
    "milestones": "name",
    "arms": "name",
    "tiers": "referrals",
    "bands": "amount",
}
"""The arrays of tables, each with the setting by which its elements are known."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its path, its value as in a file, and whether it is the default.

    Settings of a milestone or of an arm stand under its name, those of a tier or a band under its
    number.
    """

    where: Where
    text: str
    is_default: bool

    @property
    def name(self) -> str:
        """Its path in words."""
        return ".".join(map(str, self.where))


@dataclass(frozen=True, slots=True)
class ChangedSetting:
    """The former and the present value of a setting; None where there is no such one."""

    name: str
    old: str | None
    new: str | None


def settings(campaign: Campaign) -> list[Setting]:
    """Every setting of a campaign, in the order of the reference page."""
    return list(_settings(campaign, (), campaign.reward.currency))


def differences(old: CampaignDefined | None, new: CampaignDefined) -> list[ChangedSetting]:
    """Setting by setting what is different in a new version; everything not default without an old.

    When it comes into force is one of them.
    """
    before = {} if old is None else _compared(old)
    after = _compared(new)
    kept = {
        setting.name for setting in settings(campaign_of(new)) if setting.is_default and not old
    }
    names = [*after, *(name for name in before if name not in after)]
    return [
        ChangedSetting(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name) and name not in kept - {_IN_FORCE}
    ]


def as_toml(defined: CampaignDefined) -> str:
    """A version as a file that would define it again; default settings are comments."""
    tables: dict[Where, list[str]] = {}
    for setting in settings(campaign_of(defined)):
        *table, name = setting.where
        if setting.text != ABSENT:
            line = f"{'# ' if setting.is_default else ''}{name} = {setting.text}"
            tables.setdefault(tuple(table), []).append(line)
    parts = ("\n".join([_heading(where), *lines]) for where, lines in tables.items())
    return "\n\n".join(parts) + "\n"


def time_said(at: Millis) -> str:
    """A time for people; 0 is the beginning of all times."""
    if at == 0:
        return "always"
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "seconds").replace("+00:00", "Z")


def _compared(defined: CampaignDefined) -> dict[str, str]:
    found = {setting.name: setting.text for setting in settings(campaign_of(defined))}
    return {_IN_FORCE: time_said(defined.effective_from)} | {
        name: text for name, text in found.items() if name != _IN_FORCE
    }


def _settings(table: BaseModel, where: Where, currency: str) -> Iterator[Setting]:
    """The settings of a table; currency is that of its amounts."""
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        match value:
            case BaseModel():
                yield from _settings(value, (*where, name), currency)
            case dict():
                for reason in sorted(value):
                    text = limit_text if name == "limits" else _points_text
                    yield Setting(
                        (*where, name, reason), text(reason, value[reason]), is_default=False
                    )
            case list() if name in _ARRAYS:
                for element in value:
                    its = getattr(element, "currency", None) or currency
                    key = _key(element, _ARRAYS[name], its)
                    yield from _settings(element, (*where, name, key), its)
            case None if takes(field) is None:
                continue
            case _:
                text_of_value = _text(field, value, currency)
                yield Setting((*where, name), text_of_value, _is_default(field, value))


def _key(element: BaseModel, name: str, currency: str) -> str:
    """The value by which an element of an array is known, without quotes."""
    value = getattr(element, name)
    if isinstance(value, str):
        return value
    return _text(type(element).model_fields[name], value, currency).strip('"')


def _points_text(_: str, points: int) -> str:
    return str(points)


def _text(field: FieldInfo, value: object, currency: str) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    known = takes(field)
    assert known is not None, "a setting takes something"
    return known.text(value, currency)


def _is_default(field: FieldInfo, value: object) -> bool:
    return not field.is_required() and value == field.default


def _heading(where: Where) -> str:
    """The heading of a table; where has the name of an array's element after the array."""
    parts, rest = [], iter(where)
    for part in rest:
        parts.append(part)
        if part in _ARRAYS:
            next(rest, None)
    path = ".".join(("campaign", *map(str, parts)))
    return f"[[{path}]]" if parts[-1:] and parts[-1] in _ARRAYS else f"[{path}]"
