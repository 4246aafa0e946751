"""Scripts of scenarios: what is given, what happens, what is expected.

`README.md` beside this file shows all of it.
"""

from datetime import date
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, field_validator

from reftrail.campaigns.units import Count, Flag, Takes, Text, quoted
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.reference import CodeStatus
from reftrail.scenarios.expectations import Then
from reftrail.scenarios.happening import Happening, Table
from reftrail.scenarios.moments import FIRST_DAY, When

_Names: TypeAlias = Annotated[
    tuple[Text, ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
    Field(strict=False),
    Takes("names", "text in quotes, or several in [ and ]", quoted),
]

_Day: TypeAlias = Annotated[date, Takes("date", "a date such as 2026-03-01", str)]


class GivenFormat(Table):
    """A format of derived codes, which prove themselves and need not be there."""

    name: Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$"), Takes("text", "a word", quoted)] = (
        Field(description="Its name: `name:1` is its first code, `name:forged` a forged one.")
    )
    pattern: Text = Field(description="How its codes look, such as `MKT{body:8}{check}`.")
    count: Count = Field(default=1_000, description="How many codes of it there are.")
    campaign: Text | None = Field(
        default=None, description="Its campaign; if it isn't given, the only one there is."
    )
    category: Text | None = Field(default=None, description="What reports group its codes under.")
    channel: Text | None = Field(default=None, description="Through which channel they are given.")
    retired: Flag = Field(default=False, description="True: its codes count no longer.")


class GivenCode(Table):
    """A code that there is."""

    code: Text = Field(description="The code; of a derived one its name, such as `market:1`.")
    owner: Text | None = Field(default=None, description="Who earns as referrer.")
    campaign: Text | None = Field(
        default=None, description="Its campaign; if it isn't given, the only one there is."
    )
    registered: When | None = Field(
        default=None, description="From when on it is there; if it isn't given, from day 1."
    )
    expires: When | None = Field(default=None, description="From when on it is no longer good.")
    max_uses: Count | None = Field(default=None, description="How many users may earn through it.")
    channels: list[Text] = Field(default=[], description="Where it is good; else everywhere.")
    regions: list[Text] = Field(default=[], description="In which countries it is good.")
    status: CodeStatus = Field(
        default=CodeStatus.ACTIVE, strict=False, description="Whether it may earn."
    )
    owner_ip: Text | None = Field(default=None, description="The owner's address at registration.")
    owner_device: Text | None = Field(default=None, description="The owner's device then.")
    owner_email: Text | None = Field(default=None, description="The owner's e-mail address.")


class Given(Table):
    """The facts given in all scenarios."""

    campaigns: _Names = Field(
        min_length=1, description="Campaign files, as seen from this one, the oldest version first."
    )
    first_day: _Day = Field(default=FIRST_DAY, description="The date of day 1.")
    formats: list[GivenFormat] = Field(
        default=[], description="The formats of derived codes that there are."
    )
    codes: list[GivenCode] = Field(default=[], description="The codes that there are.")
    events: list[Happening] = Field(
        default=[], description="What has happened before; its outcome isn't looked at."
    )


class Before(Table):
    """The facts given in one scenario, besides those given in all."""

    codes: list[GivenCode] = Field(default=[], description="More codes.")
    events: list[Happening] = Field(
        default=[], description="What has happened before; its outcome isn't looked at."
    )


class Scenario(Table):
    """One story."""

    name: Annotated[str, Field(min_length=1, max_length=200), Takes("text", "a sentence", quoted)]
    given: Before = Before()
    when: list[Happening] = Field(min_length=1)
    then: Then


class Script(Table):
    """A file of scenarios."""

    given: Given
    scenario: list[Scenario] = Field(min_length=1)

    @field_validator("scenario")
    @classmethod
    def _names_differ(cls, scenarios: list[Scenario]) -> list[Scenario]:
        names = [scenario.name for scenario in scenarios]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise FaultMessage(
                    f'there is a scenario "{name}" before; give each a name of its own',
                    at=(place, "name"),
                )
        return scenarios
