"""Checks of policies: their input, and their findings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.toml_file import Where
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.reference import CampaignDefined

REFUND_WINDOW: Final[Millis] = 14 * DAY
"""The time for sending goods back: within the EU by law 14 days (2011/83/EU, article 9)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning: the rule that it is of, the setting, and what is to be thought of."""

    rule: str
    where: Where
    message: str


@dataclass(frozen=True, slots=True)
class Around:
    """The context of a check: the time, the versions there are, the refund window."""

    now: Millis
    versions: Sequence[CampaignDefined] = ()
    refund_window: Millis = REFUND_WINDOW


Check: TypeAlias = Callable[[Campaign, Around], Iterator[Finding]]
