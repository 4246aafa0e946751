"""Deferred deep links with several collectors on one Kafka: they know and decide the same."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support import local_http
from support.collector import PUBLISHABLE, running_collector
from support.kafka import TestInstallation
from support.log import produce, read_committed

from reftrail.contracts.events import Click
from reftrail.contracts.topics import CODES, EVENTS, INSTALL_MATCHES, LINK_CLICKS
from reftrail.testing import code

PHONE = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"


def test_collectors_beside_each_other_decide_the_same(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, CODES, [code("AMY")])
    with (
        running_collector(installation, tmp_path / "first.log") as first,
        running_collector(installation, tmp_path / "second.log") as second,
    ):
        for collector in (first, second):
            collector.wait_ready()

        def asked(nth: int, **body: Any) -> tuple[str, dict[str, Any]]:
            collector, visitor = (first, second)[nth % 2], f"app-{nth}"
            answer = local_http.post(
                f"{collector.url}/v1/match",
                json={"visitor_id": visitor} | body,
                headers={"authorization": f"Bearer {PUBLISHABLE}"},
                timeout=90,
            )
            assert answer.status_code == 200, answer.text
            return visitor, answer.json()

        led = local_http.get(f"{first.url}/r/AMY", headers={"user-agent": PHONE}, timeout=90)
        (signed,) = parse_qs(urlsplit(led.headers["location"]).query)["ref_signed"]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda nth: asked(nth, signed_click=signed), range(8)))
        winners = [visitor for visitor, answer in answers if answer["match"] == "exact"]
        assert len(winners) == 1, answers
        again = asked(int(winners[0].removeprefix("app-")) + 1, signed_click=signed)[1]
        assert again == {"match": "none"}, "the other collector"

    events = [logged.record for logged in read_committed(installation, EVENTS)]
    clicks = [event.visitor_id for event in events if isinstance(event, Click)]
    assert len(clicks) == 2
    assert winners[0] in clicks
    claims = [logged.record for logged in read_committed(installation, INSTALL_MATCHES)]
    assert len(claims) >= 1
    raw = repr([logged.record for logged in read_committed(installation, LINK_CLICKS)])
    assert "127.0.0.1" not in raw + repr(claims)
