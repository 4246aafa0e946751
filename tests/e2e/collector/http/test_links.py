"""Links that redirect to the landing page and count as clicks."""

from support.collected_events import Written, code_changed
from support.collector import RunningCollector
from support.kafka import TestInstallation
from support.log import produce
from support.metrics import wait_until

from reftrail.contracts.topics import CODES


def test_a_link_redirects_counts_and_remembers(
    collector: RunningCollector, installation: TestInstallation, written: Written
) -> None:
    ignored = 'reftrail_collector_redirect_clicks_total{outcome="ignored"}'
    before = collector.metric(ignored)
    produce(installation, CODES, [code_changed("AMY1")])
    browser = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
    with collector.client(None) as client:
        first = client.get("/r/AMY1", headers=browser)
        again = client.get("/r/AMY1?utm_source=mail", headers=browser)
        for method, headers in (
            ("HEAD", browser),
            ("GET", browser | {"sec-purpose": "prefetch;prerender"}),
            ("GET", {"user-agent": "Googlebot/2.1"}),
        ):
            assert client.request(method, "/r/AMY1", headers=headers).status_code == 302
    assert (first.status_code, again.status_code) == (302, 302)
    landing = "https://shop.example/welcome?lang=en&ref=AMY1&ref_click="
    assert first.headers["location"][:-12] == landing
    assert "utm_source=mail" in again.headers["location"]
    assert first.headers["cache-control"] == "no-store"
    visitor = first.cookies["reftrail_visitor"]
    assert again.cookies["reftrail_visitor"] == visitor
    cookie = first.headers["set-cookie"].lower()
    assert "samesite=lax" in cookie
    assert "max-age=31536000" in cookie
    assert "secure" not in cookie
    # A visitor isn't kept waiting until Kafka has the click.
    wait_until(lambda: len(written.events()) == 2, 180)
    clicks = list(written.events().values())
    assert [(c.visitor_id, c.code, c.code_known) for c in clicks] == [(visitor, "AMY1", True)] * 2
    assert {c.utm_source for c in clicks} == {None, "mail"}
    assert collector.metric(ignored) - before == 3


def test_a_link_leads_nowhere_but_to_the_landing_page(collector: RunningCollector) -> None:
    with collector.client(None) as client:
        for code in (
            "//evil.example",
            "%2F%2Fevil.example",
            "a?ref=x",
            "a&b",
            "a%0d%0ab",
            "x" * 65,
        ):
            answer = client.get(f"/r/{code}")
            if answer.status_code != 404:
                assert answer.status_code == 302
                assert answer.headers["location"].startswith("https://shop.example/welcome?lang=en")
