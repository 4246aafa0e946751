"""Collector on logs in memory, with campaigns and codes: all that a reset makes anew."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import uuid_utils

from reftrail.campaigns import Campaign, next_version
from reftrail.collector.adjustments import Adjustments
from reftrail.collector.http import Collector
from reftrail.collector.limits import EventLimits
from reftrail.collector.matching import Matching
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.reviews import Reviews
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.code_spelling import is_code, spelled
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.times import now
from reftrail.contracts.topics import ADJUSTMENTS, EVENTS, REVIEWS
from reftrail.edge.api_keys import keys
from reftrail.edge.authorization import Authorization
from reftrail.edge.pseudonyms import HashKey, pseudonyms
from reftrail.micro.memory import (
    MemoryAdjustments,
    MemoryCodes,
    MemoryLogs,
    MemoryMatches,
    MemoryPublisher,
    NoRenewal,
)

SECRET_KEY: Final = "sk_micro"  # noqa: S105  known to all who read this
PUBLISHABLE_KEY: Final = "pk_micro"
_UNLIMITED: Final = 1e9
"""Requests a second: tests send as fast as they can."""
_HASH_KEY: Final = "micro:" + "00" * 32
_KEY: Final = HashKey("micro", bytes(32))


@dataclass(frozen=True, slots=True)
class CodeGiven:
    """A code that is registered; without a campaign_id it is of the first campaign."""

    code: str
    owner_user_id: str | None = None
    campaign_id: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """The facts that an installation begins with."""

    campaigns: Sequence[Campaign]
    codes: Sequence[CodeGiven]
    landing_url: str
    secret_key: str = SECRET_KEY
    publishable_key: str = PUBLISHABLE_KEY


class MicroInstallation:
    """An installation in memory. Raises `ExpectedError` for a code that can't be registered."""

    def __init__(self, given: Given) -> None:
        self._versions = _versions(given.campaigns)
        self.logs = MemoryLogs(self._versions)
        self.codes = MemoryCodes(self.logs, self._versions)
        for code in given.codes:
            self.register(code)
        self.collector = _collector(given, self.logs, self.codes)

    def register(self, given: CodeGiven) -> CodeChanged:
        """Register a code, or change its owner. Raises `ExpectedError`."""
        campaigns = list(dict.fromkeys(version.campaign_id for version in self._versions))
        campaign_id = given.campaign_id or campaigns[0]
        text = spelled(given.code)
        if not is_code(text):
            raise ExpectedError(f"{given.code[:80]!r} is no code; use up to 64 of A-Z a-z 0-9 _ -")
        if campaign_id not in campaigns:
            raise ExpectedError(
                f"there is no campaign {campaign_id[:80]} (known: {', '.join(campaigns)}); name "
                f"one of these, or start with its file"
            )
        before, at = self.codes.find(text), now()
        code = CodeChanged(
            event_id=str(uuid_utils.uuid7()),
            event_time=at,
            received_at=at,
            code=text if before is None else before.code,
            campaign_id=campaign_id,
            owner_user_id=given.owner_user_id,
            created_at=at if before is None else before.created_at,
            revision=1 if before is None else before.revision + 1,
        )
        self.codes.register(code)
        return code


def _collector(given: Given, logs: MemoryLogs, codes: MemoryCodes) -> Collector:
    """The collector as `reftrail.collector.main` composes it, without limits and store."""
    settings = _settings(given)
    metrics = CollectorMetrics()
    patience = settings.ack_timeout_seconds
    matches = MemoryMatches()
    return Collector(
        settings,
        Authorization(keys([given.secret_key], [given.publishable_key])),
        EventLimits(settings, metrics, time.monotonic),
        pseudonyms(_KEY),
        codes,
        MemoryPublisher(logs, EVENTS),
        metrics,
        None,
        Reviews(MemoryPublisher(logs, REVIEWS), codes, patience),
        Adjustments(
            MemoryPublisher(logs, ADJUSTMENTS),
            codes,
            MemoryAdjustments(logs, ADJUSTMENTS),
            patience,
        ),
        NoRenewal(),
        Matching([_KEY], matches, matches, matches, patience),
    )


def _settings(given: Given) -> CollectorSettings:
    """The settings; those of the environment hold for nothing that is said here."""
    return CollectorSettings(
        bootstrap_servers="in memory",
        kafka_security_protocol="PLAINTEXT",
        hash_key=_HASH_KEY,
        landing_url=given.landing_url,
        cors_origins="*",
        address_rate=_UNLIMITED,
        publishable_event_rate=_UNLIMITED,
        address_event_rate=_UNLIMITED,
        secret_event_rate=None,
        collector_stripe_test_mode=True,
    )


def _versions(campaigns: Iterable[Campaign]) -> list[CampaignDefined]:
    """The versions that policies make when they are applied one after the other."""
    last: dict[str, CampaignDefined] = {}
    versions = []
    for campaign in campaigns:
        defined = next_version(campaign, last.get(campaign.campaign_id), now()).defined
        last[campaign.campaign_id] = defined
        versions.append(defined)
    return versions
