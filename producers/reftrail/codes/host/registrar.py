"""Registrar: issues codes to users who sign up, in each campaign whose format asks for it.

Input: `conversions`, as a consumer group of its own. Output: codes in the store. Guarantee:
everyone whose signup is read gets one code in each such campaign, however often it is read:
positions are committed after the store, which has a unique constraint.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka.errors import KafkaError

from reftrail.codes.host.metrics import RelayMetrics
from reftrail.codes.model import By, Signup
from reftrail.codes.service import CodeService
from reftrail.contracts.codec import Undecodable, decode_as, stop_if_newer
from reftrail.contracts.conversions import ConversionKind, Converted
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CONVERSIONS
from reftrail.hosting.kafka.asynchronous import async_consumer

logger = logging.getLogger(__name__)

_BY: Final = By(actor="registrar", reason="signed up")
_MOST: Final = 2_000
_POLL_MS: Final = 500
_FETCH_BYTES: Final = 64 << 10
_FETCH_MS: Final = 250
"""A new user's code may come a moment later; a fetch and a commit for each signup cost more."""
_RETRY_SECONDS: Final = 2.0
_SESSION_MS: Final = 10_000


class Registrar:
    """Follows the signups. `run` keeps it connected."""

    def __init__(
        self, installation: Installation, group: str, service: CodeService, metrics: RelayMetrics
    ) -> None:
        self._installation = installation
        self._group = f"{group}-registrar"
        self._service = service
        self._metrics = metrics
        self.answered_at: float | None = None
        """The time of Kafka's last answer; by `time.monotonic`."""

    async def run(self) -> None:
        """Follow until cancelled. Raises `NewerVersionNeeded` at a newer version's record."""
        while True:
            consumer = async_consumer(
                self._installation,
                self._installation.name_of(CONVERSIONS),
                group_id=self._group,
                auto_offset_reset="earliest",
                fetch_min_bytes=_FETCH_BYTES,
                fetch_max_wait_ms=_FETCH_MS,
                session_timeout_ms=_SESSION_MS,
                heartbeat_interval_ms=_SESSION_MS // 4,
            )
            try:
                await consumer.start()
                while True:
                    fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST)
                    self.answered_at = time.monotonic()
                    if fetched:
                        await self._register(_signups(fetched, self._metrics))
                        await consumer.commit()
            except KafkaError as error:
                logger.warning("signups can't be followed yet: %r", error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                with suppress(KafkaError):
                    await consumer.stop()

    async def _register(self, users: Sequence[Signup]) -> None:
        """See to it that these users have their codes, if it takes several attempts."""
        while True:
            try:
                await asyncio.to_thread(self._service.issue_at_signup, users, _BY)
            except ExpectedError as error:
                self._metrics.failing.set(1)
                logger.error("%d signups wait for their codes: %s", len(users), error)  # noqa: TRY400
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._metrics.failing.set(0)
                self._metrics.signups.inc(len(users))
                return


def _signups(fetched: Mapping[Any, Iterable[Any]], metrics: RelayMetrics) -> list[Signup]:
    """The users who signed up, each once. Raises `NewerVersionNeeded`."""
    found: dict[str, Signup] = {}
    for messages in fetched.values():
        for message in messages:
            try:
                converted = decode_as(Converted, message.value)
            except Undecodable as error:
                stop_if_newer(error)
                # The warehouse, which reads the same topic, puts it into the dead letters.
                metrics.undecodable.inc()
                logger.error(  # noqa: TRY400
                    "skipped %s/%d at %d: %s",
                    message.topic,
                    message.partition,
                    message.offset,
                    error,
                )
                continue
            if converted.kind == ConversionKind.SIGNUP:
                found.setdefault(converted.user_id, _signup(converted))
    return list(found.values())


def _signup(converted: Converted) -> Signup:
    return Signup(
        user_id=converted.user_id,
        device_hash=converted.device_hash,
        ip_hash=converted.ip_hash,
        network_hash=converted.network_hash,
        email_hash=converted.email_hash,
        hash_key_id=converted.hash_key_id,
    )
