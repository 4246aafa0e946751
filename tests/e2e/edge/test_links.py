"""Followed links: only a person's own navigation is a click, and where they lead."""

import re
from pathlib import Path
from typing import Any

import pytest
from support.edge import RunningEdge, running_edge

from reftrail.collector.dimensions import MOST_VALUES
from reftrail.contracts.events import Click
from reftrail.contracts.links import Links
from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.reference import CodeStatus
from reftrail.testing import campaign

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


def clicks_after(edge: RunningEdge, headers: dict[str, str], method: str = "GET") -> list[Any]:
    edge.codes.add("AMY")
    before = len(edge.written.messages)
    answer = edge.nobody.request(method, "/r/AMY", headers={"user-agent": BROWSER} | headers)
    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-store"
    clicks = [event for event in edge.written.events(before) if isinstance(event, Click)]
    counted = "".join(f"&ref_click={click.event_id[-12:]}" for click in clicks)
    assert answer.headers["location"] == f"https://shop.example/welcome?ref=AMY{counted}"
    return clicks


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none"},
        {
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
            "sec-fetch-site": "cross-site",
        },
        {"sec-fetch-mode": "navigate"},
    ],
)
def test_a_navigation_counts(edge: RunningEdge, headers: dict[str, str]) -> None:
    assert len(clicks_after(edge, headers)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "sec-fetch-site": "cross-site"},
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "frame", "sec-fetch-site": "same-origin"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "object"},
        {"sec-fetch-dest": "image"},
        {"sec-purpose": "prefetch;prerender", "sec-fetch-mode": "navigate"},
    ],
)
def test_what_a_page_loads_by_itself_does_not(edge: RunningEdge, headers: dict[str, str]) -> None:
    assert clicks_after(edge, headers) == []
    assert clicks_after(edge, {}, "HEAD") == []


def test_a_phone_is_led_to_its_app(tmp_path: Path) -> None:
    settings = {
        "collector_ios_url": "https://app.shop.example/open",
        "collector_android_url": "https://play.google.com/store/apps/details?id=com.shop",
    }
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile"
    with running_edge(tmp_path, **settings) as edge:
        edge.codes.add("AMY")

        def location(user_agent: str) -> str:
            found = edge.nobody.get("/r/AMY", headers={"user-agent": user_agent})
            assert found.status_code == 302
            return str(found.headers["location"])

        led = [location(user_agent) for user_agent in (iphone, android, BROWSER)]
        signed = [re.search(r"ref_signed(?:=|%3D)([\w.-]+)", place) for place in led]
        places = [re.sub(r"(?:&|%26)ref_signed(?:=|%3D)[\w.-]+", "", place) for place in led]
        click = edge.collector.matching.signer.read(signed[0][1] if signed[0] else "")
        ids = [click.event_id[-12:] for click in edge.written.events()]
    assert [match is not None for match in signed] == [True, True, False]
    assert click is not None
    assert (click.click_id, click.code) == (ids[0], "AMY")
    store = "https://play.google.com/store/apps/details?id=com.shop&referrer="
    assert places == [
        f"https://app.shop.example/open?ref=AMY&ref_click={ids[0]}",
        f"{store}ref%3DAMY%26ref_click%3D{ids[1]}",
        f"https://shop.example/welcome?ref=AMY&ref_click={ids[2]}",
    ]


SPRING = campaign(
    "spring",
    policy=policy_text(
        Policy(links=Links(web="https://spring.example/?x=1", ios="https://app.example/"))
    ),
)


def test_the_campaign_says_where_links_lead(edge: RunningEdge) -> None:
    edge.codes.define(SPRING)
    edge.codes.add("SPRUNG", campaign_id="spring")

    def location(query: str, user_agent: str = BROWSER, method: str = "GET") -> str:
        headers = {"user-agent": user_agent}
        answer = edge.nobody.request(method, f"/r/sprung{query}", headers=headers)
        assert answer.status_code == 302
        return str(answer.headers["location"])

    before = len(edge.written.messages)
    mail = "https://spring.example/?x=1&utm_source=mail&ref=sprung"
    assert location("?utm_source=mail&ref=EVE&x=2&to=", method="HEAD") == mail.replace(
        "&ref", "&to=&ref"
    )
    assert location("?utm_source=mail", "Twitterbot/1.0") == mail
    assert edge.written.messages[before:] == []
    assert location("?utm_source=mail").startswith(f"{mail}&ref_click=")
    assert location("", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)").startswith(
        "https://app.example/?ref=sprung&ref_click="
    )


def test_an_android_app_is_opened_by_an_intent_that_comes_out_as_it_was_made(
    edge: RunningEdge,
) -> None:
    links = Links(
        web="https://summer.example/", android="https://summer.example/app", android_app="com.shop"
    )
    edge.codes.define(campaign("apps", policy=policy_text(Policy(links=links))))
    edge.codes.add("APP", campaign_id="apps")
    phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile"
    uncounted = {"user-agent": phone, "sec-fetch-dest": "image"}
    path = "/r/APP?utm_source=a%26b%3D%23c"
    answer = edge.nobody.get(path, headers=uncounted)
    referrer = "utm_source%253Da%252526b%25253D%252523c%2526ref%253DAPP"
    page = "https%3A%2F%2Fplay.google.com%2Fstore%2Fapps%2Fdetails"
    store = f"{page}%3Fid%3Dcom.shop%26referrer%3D{referrer}"
    assert answer.headers["location"] == (
        "intent://summer.example/app?utm_source=a%26b%3D%23c&ref=APP#Intent;scheme=https;"
        f"package=com.shop;S.browser_fallback_url={store};end"
    )
    asked = edge.nobody.head(path, headers=uncounted)
    assert asked.headers["location"] == (
        "https://summer.example/app?utm_source=a%26b%3D%23c&ref=APP"
    )


def test_a_link_that_is_not_good_says_why_at_the_fallback(tmp_path: Path) -> None:
    sorry = "https://shop.example/sorry"
    with running_edge(tmp_path, collector_fallback_url=sorry) as edge:
        edge.codes.add("GONE", status=CodeStatus.REVOKED)
        edge.codes.add("LATE", expires_at=1)
        edge.codes.add("GOOD", expires_at=2**53)
        found = {
            code: edge.nobody.get(f"/r/{code}?utm_source=mail", headers={"user-agent": BROWSER})
            for code in ("GONE", "LATE", "GOOD", "NOBODYS", "n\u00f6")
        }
        clicks = [event.code for event in edge.written.events() if isinstance(event, Click)]
    places = {code: answer.headers["location"] for code, answer in found.items()}
    good = places.pop("GOOD")
    assert good.startswith("https://shop.example/welcome?utm_source=mail&ref=GOOD&ref_click=")
    assert places == {
        code: f"{sorry}?utm_source=mail&ref_problem={why}"
        for code, why in {
            "GONE": "revoked",
            "LATE": "expired",
            "NOBODYS": "unknown",
            "n\u00f6": "unknown",
        }.items()
    }
    assert clicks == ["GONE", "LATE", "GOOD", "NOBODYS"], "what happened is kept"


def test_who_guesses_codes_is_told_nothing_more(tmp_path: Path) -> None:
    with running_edge(tmp_path, address_rate=0.01) as edge:
        edge.codes.add("GONE", status=CodeStatus.REVOKED)
        places = [
            edge.nobody.head(f"/r/{code}", headers={"user-agent": BROWSER}).headers["location"]
            for code in ("NOBODYS", "GONE", "OTHER")
        ]
    page = "https://shop.example/welcome"
    assert places == [f"{page}?ref_problem=unknown", f"{page}?ref=GONE", f"{page}?ref=OTHER"]


def test_sources_that_links_make_up_are_bounded(tmp_path: Path) -> None:
    """A link needs no key, and each source is a row of reports."""
    with running_edge(tmp_path) as edge:
        edge.codes.add("AMY")
        for nth in range(MOST_VALUES + 2):
            path = f"/r/AMY?utm_source=made-up-{nth}"
            edge.nobody.get(path, headers={"user-agent": BROWSER})
        edge.nobody.get("/r/AMY?utm_source=made-up-0", headers={"user-agent": BROWSER})
        sources = [event.utm_source for event in edge.written.events()]
    assert len({*sources}) == MOST_VALUES + 1
    assert sources[-3:] == ["other", "other", "made-up-0"]


def test_without_any_page_a_link_is_refused(tmp_path: Path) -> None:
    with running_edge(tmp_path, landing_url=None) as edge:
        edge.codes.define(SPRING)
        edge.codes.add("SPRUNG", campaign_id="spring")
        edge.codes.add("OTHER", campaign_id="other")
        headers = {"user-agent": BROWSER}
        assert edge.nobody.get("/r/SPRUNG", headers=headers).status_code == 302
        before = len(edge.written.messages)
        refused = edge.nobody.get("/r/OTHER", headers=headers)
        assert (refused.status_code, edge.written.messages[before:]) == (404, [])
    assert "[campaign.links]" in refused.json()["detail"]


def test_phones_learn_which_apps_open_links(edge: RunningEdge, tmp_path: Path) -> None:
    apple, google = "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"
    assert {edge.nobody.get(path).status_code for path in (apple, google)} == {404}
    print_ = ":".join(f"{n:02x}" for n in range(32))
    apps = f"com.shop={print_},com.shop={print_.replace('00', 'ff')},com.other={print_}"
    with running_edge(
        tmp_path, collector_ios_apps="ABCDE12345.com.shop", collector_android_apps=apps
    ) as own:
        found = own.nobody.get(apple)
        assert found.headers["content-type"] == "application/json"
        assert found.json()["applinks"]["details"] == [
            {"appIDs": ["ABCDE12345.com.shop"], "components": [{"/": "/r/*"}]}
        ]
        shop, other = (target["target"] for target in own.nobody.get(google).json())
    assert (shop["package_name"], other["package_name"]) == ("com.shop", "com.other")
    assert shop["sha256_cert_fingerprints"] == [
        print_.upper(),
        print_.upper().replace("00", "FF"),
    ]
