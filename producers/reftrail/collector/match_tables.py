"""Tables of clicks and installs, for deferred deep links, kept up with their topics."""

from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.recent_clicks import MatchedClicks, RecentClicks
from reftrail.contracts.installation import Installation
from reftrail.contracts.matches import InstallMatched, LinkClicked
from reftrail.contracts.topics import INSTALL_MATCHES, LINK_CLICKS
from reftrail.edge.http_errors import Unavailable
from reftrail.hosting.kafka.compacted_topic_reader import (
    CompactedTopicReader,
    TopicTable,
    TopicUnavailable,
)


class MatchTables:
    """`RecentClicks` and `MatchedClicks`, kept up with their topics. `run` keeps it connected."""

    def __init__(self, installation: Installation, metrics: CollectorMetrics) -> None:
        self.clicks = RecentClicks(metrics.clicks_forgotten.inc)
        self.matched = MatchedClicks()
        self._reader = CompactedTopicReader(
            installation,
            {
                installation.name_of(LINK_CLICKS): TopicTable(
                    LinkClicked, self.clicks.take, age=LINK_CLICKS.kept
                ),
                installation.name_of(INSTALL_MATCHES): TopicTable(
                    InstallMatched, self.matched.take, age=INSTALL_MATCHES.kept
                ),
            },
            on_progress=lambda: None,
            on_undecodable=metrics.matches_undecodable.inc,
        )
        self.run = self._reader.run

    async def refresh(self, patience: float) -> None:
        """Read the topics to their end. Raises `Unavailable` after so many seconds."""
        try:
            await self._reader.refresh(patience, from_start=True)
        except TopicUnavailable as error:
            raise Unavailable(f"the topics of clicks and installs {error}") from error
