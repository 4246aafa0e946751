"""Lookups of a stage, kept in the log: so its decisions are a function of the log alone.

Codes, campaigns and lists change, and compacted topics keep their last revisions only. So what a
stage looks up is written to the topic `lookups`, in the transaction of the decisions that used it:
each fact once, and again when it has changed. A replay reads the facts from there.
"""

import logging
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, TypeAlias

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.stage_messages import LookedUp
from reftrail.contracts.topics import LOOKUPS
from reftrail.engine.dead_letters import MOST_MESSAGE, TooLargeError, fitting
from reftrail.engine.reference import ReferenceTables
from reftrail.rules.decider import Cause, Reference, metadata

Fact: TypeAlias = CodeChanged | CampaignDefined | Listed

_log = logging.getLogger(__name__)

_SURELY_FITS: Final = MOST_MESSAGE // 2

MOST_FACTS: Final = 8_192
"""Facts that a recorder remembers of a stage and partition; then it begins anew."""

REPEATED_SECONDS: Final = 86_400.0
"""A fact in use is written again after this time. So the facts of an input are not older than it by
more, and outlast it in the log."""


class LookupRecorder:
    """Reference data for the decisions of one stage and partition, with a record of each new fact.

    A fact is new if it differs from what this recorder has written before. A recorder begins anew
    when a worker takes a partition over, after `REPEATED_SECONDS`, after `MOST_FACTS`, and when a
    batch was decided in vain. clock gives seconds.
    """

    __slots__ = (
        "_campaigns",
        "_cause",
        "_clock",
        "_codes",
        "_ends",
        "_is_new",
        "_lists",
        "_record",
        "_stage",
        "_written",
        "tables",
    )

    def __init__(
        self, stage: str, tables: ReferenceTables, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tables = tables
        self._stage = stage
        self._clock = clock
        self._record: Record
        self._cause: Cause
        self._codes: dict[str, CodeChanged]
        self._campaigns: dict[str, Sequence[CampaignDefined]]
        self._lists: dict[tuple[str, str], Sequence[Listed]]
        self._written: list[LookedUp]
        self._is_new: bool
        self._ends: float
        self._begin_anew()

    def begin_batch(self) -> None:
        """Prepare for a batch. If the batch before wasn't accepted, begin anew."""
        facts = len(self._codes) + len(self._campaigns) + len(self._lists)
        if self._written or facts > MOST_FACTS or self._clock() >= self._ends:
            self._begin_anew()

    def decide_on(self, record: Record, cause: Cause) -> None:
        """Take the lookups that follow as those of a record's decision."""
        self._record, self._cause = record, cause
        if self._is_new:
            self._is_new = False
            self._written.append(self._looked_up("", None))

    @property
    def written(self) -> Sequence[LookedUp]:
        """The records of the batch, in the order of its inputs."""
        return self._written

    def accept(self) -> None:
        """Take the records of the batch as written."""
        self._written = []

    def code(self, code: str) -> CodeChanged | None:
        """See `rules.decider.Reference`."""
        found = self.tables.code(code)
        return found if found is None or self._codes.get(found.code) is found else self._used(found)

    def code_if_known(self, code: str) -> CodeChanged | None:
        """See `rules.decider.Reference`."""
        found = self.tables.code_if_known(code)
        return found if found is None or self._codes.get(found.code) is found else self._used(found)

    def campaign(self, campaign_id: str | None, at: Millis) -> CampaignDefined | None:
        """See `rules.decider.Reference`. All versions count as used."""
        if campaign_id is None:
            return None
        versions = self.tables.versions(campaign_id)
        if self._campaigns.get(campaign_id) is not versions:
            self._use_campaign(campaign_id, versions)
        if versions and (last := versions[-1]).effective_from <= at:
            return last  # as for nearly every touch
        return self.tables.campaign(campaign_id, at)

    def refers_by_campaign(self) -> bool:
        """See `rules.decider.Reference`. One such campaign counts as used."""
        if (campaign_id := self.tables.campaign_that_refers_by_itself()) is not None:
            self._use_campaign(campaign_id, self.tables.versions(campaign_id))
        return campaign_id is not None

    def listed(self, subject: str, value: str, at: Millis) -> Listed | None:
        """See `rules.decider.Reference`. All entries about the value count as used."""
        if not self.tables.has_lists or not (entries := self.tables.entries(subject, value)):
            return None
        known = self._lists.get((subject, value), ())
        if known is not entries:
            self._lists[subject, value] = entries
            self._write(entry for entry in entries if entry not in known)
        return self.tables.listed(subject, value, at)

    def _used(self, code: CodeChanged) -> CodeChanged:
        if self._codes.get(code.code) != code:
            self._write((code,))
        self._codes[code.code] = code
        return code

    def _use_campaign(self, campaign_id: str, versions: Sequence[CampaignDefined]) -> None:
        known = self._campaigns.get(campaign_id, ())
        if versions and known is not versions:
            self._campaigns[campaign_id] = versions
            self._write(version for version in versions if version not in known)

    def _begin_anew(self) -> None:
        self._codes, self._campaigns, self._lists, self._written = {}, {}, {}, []
        self._is_new = True
        self._ends = self._clock() + REPEATED_SECONDS

    def _write(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            value = self.tables.encoded(fact)
            written = self._looked_up(fact.event_id, value)
            if len(written.fact or b"") > _SURELY_FITS and (error := _misfit(written)):
                _log.warning("a replay will lack %s: %s", fact.event_id, error)
            else:
                self._written.append(written)

    def _looked_up(self, fact_id: str, fact: bytes | None) -> LookedUp:
        common = metadata(self._record, self._cause, f"looked_up:{self._stage}:{fact_id}")
        return LookedUp(**common, stage=self._stage, fact=fact)


def _misfit(written: LookedUp) -> TooLargeError | None:
    """What keeps a record out of the log, if it is too large."""
    try:
        fitting(LOOKUPS.key_of(written).encode(), encode(written))
    except TooLargeError as error:
        return error
    return None


def recorder_for(
    stage: str, tables: ReferenceTables, clock: Callable[[], float] = time.monotonic
) -> LookupRecorder | None:
    """The recorder of a stage that looks something up, as the topic table says; else None."""
    looks_up = stage in LOOKUPS.written_by.split(", ")
    return LookupRecorder(stage, tables, clock) if looks_up else None


class RecordedLookups:
    """The reference data with which stages decided on their inputs, by the records of `lookups`."""

    def __init__(self, records: Iterable[LookedUp]) -> None:
        self._records: defaultdict[tuple[str, int], list[LookedUp]] = defaultdict(list)
        for record in records:
            self._records[record.stage, record.cause_partition].append(record)
        for found in self._records.values():
            found.sort(key=attrgetter("cause_offset"))
        self._applied: dict[tuple[str, int], tuple[int, ReferenceTables]] = {}

    def first_offset(self, stage: str, partition: int) -> int | None:
        """The offset of the first input with recorded lookups; None if there is none."""
        found = self._records.get((stage, partition), ())
        return next((lookup.cause_offset for lookup in found if lookup.fact is None), None)

    def facts(self, stage: str, partition: int, until: int) -> Iterator[tuple[int, Fact]]:
        """Facts up to the input at an offset, each once, with the offset from which it was used."""
        known: set[bytes] = set()
        for record in self._records.get((stage, partition), ()):
            if record.fact is not None and record.cause_offset <= until:
                if record.fact not in known:
                    yield record.cause_offset, _fact(record.fact)
                known.add(record.fact)

    def reference(self, stage: str, cause: Cause) -> ReferenceTables | None:
        """The reference data of an input; None if it is older than the first recorded lookups.

        Inputs of a partition are asked for in the order of the log.
        """
        found = self._records.get((stage, cause.partition), [])
        nth, tables = self._applied.get((stage, cause.partition), (0, None))
        end = bisect_right(found, cause.offset, key=attrgetter("cause_offset"))
        for record in found[nth:end]:
            if record.fact is None:
                tables = ReferenceTables()
            elif tables is not None:
                tables.apply(_fact(record.fact))
        if tables is not None:
            self._applied[stage, cause.partition] = (end, tables)
        return tables


def _fact(value: bytes) -> Fact:
    fact = decode(value)
    assert isinstance(fact, CodeChanged | CampaignDefined | Listed)
    return fact


def recording(tables: ReferenceTables, lookups: LookupRecorder | None) -> Reference:
    """The reference of a batch: the tables, by way of the recorder."""
    if lookups is None:
        return tables
    lookups.begin_batch()
    return lookups
