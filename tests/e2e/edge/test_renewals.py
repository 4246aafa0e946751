"""Everything that shows an owner's signals while the hash key is changed renews their hashes."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from support.edge import running_edge
from support.fulfilment import wait_until
from support.match_requests import PIXEL, PROXIES, ask, follow

from reftrail.collector.interfaces import Signals
from reftrail.collector.owners import Renewal


def test_links_and_installs_show_owners_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Signals] = []
    known: list[Signals] = []

    async def renew(_: Renewal, shown: Iterable[Signals]) -> None:
        seen.extend(shown)

    def shown() -> list[Signals]:
        """The last signals, which may be shown after the answer."""
        wait_until(lambda: len(seen) > len(known), 30)
        new = seen[len(known) :]
        known.extend(new)
        return new

    monkeypatch.setattr(Renewal, "is_idle", False)
    monkeypatch.setattr(Renewal, "renew", renew)
    store = "https://play.google.com/store/apps/details?id=com.shop"
    with running_edge(tmp_path, collector_android_url=store, **PROXIES) as own:
        own.codes.add("AMY")
        referrer = follow(own, "AMY", "203.0.113.1", PIXEL)["referrer"]
        assert shown() == [Signals(None, "203.0.113.1", None)], "a followed link"
        assert ask(own, "203.0.113.2", referrer=referrer).json()["match"] == "exact"
        assert shown() == [Signals(None, "203.0.113.2", None)], "the install after it"
        query = {"key": "pk", "code": "AMY", "visitor_id": "v"}
        from_third = {"x-forwarded-for": "203.0.113.3"}
        assert own.nobody.get("/v1/pixel.gif", params=query, headers=from_third).is_success
        assert shown() == [Signals(None, "203.0.113.3", None)], "the picture of an e-mail"
        headers = {"user-agent": "Googlebot/2.1", "x-forwarded-for": "203.0.113.4"}
        own.nobody.get("/r/AMY", headers=headers)
        assert len(seen) == 3, "a bot shows nobody"
