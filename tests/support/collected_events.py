"""Clicks that a test sends to a collector, codes that they name, and the events on the topic."""

from typing import Any
from uuid import uuid4

from reftrail.contracts.events import Event
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topics import EVENTS
from support.kafka import TestInstallation
from support.log import Logged, ends_of, read_committed


def click(**fields: Any) -> dict[str, Any]:
    return {"type": "click", "event_id": str(uuid4()), "visitor_id": "v1"} | fields


def code_changed(code: str) -> CodeChanged:
    return CodeChanged(
        event_id=str(uuid4()),
        event_time=1,
        received_at=1,
        code=code,
        campaign_id="summer",
        category="retail",
        channel="mail",
        created_at=1,
    )


class Written:
    """The events that are written to the topic from now on."""

    def __init__(self, installation: TestInstallation) -> None:
        self._installation = installation
        self._begin = ends_of(installation, EVENTS)

    def logged(self) -> list[Logged]:
        return read_committed(self._installation, EVENTS, self._begin)

    def events(self) -> dict[str, Event]:
        events = [logged.record for logged in self.logged()]
        assert all(isinstance(event, Event) for event in events)
        return {event.event_id: event for event in events}
