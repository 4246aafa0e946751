"""Targets of followed links."""

from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.code_lookup.links import LinkProblem
from reftrail.collector.destinations import FollowedLink, location
from reftrail.collector.redirect import visit
from reftrail.contracts.links import NO_LINKS, Links

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
IPAD = "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
PIXEL = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
IN_APP = "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 Version/4.0 Chrome/140.0"
FIREFOX = "Mozilla/5.0 (Android 14; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
STORE = "https://play.google.com/store/apps/details?id=com.shop"
CLICK = "0123456789ab"


def led(web: str, code: str | None = "A", click: str | None = None, query: str = "") -> str:
    found = location(FollowedLink(code, click, query), NO_LINKS, Links(web=web))
    assert found is not None
    return found


def test_the_address_with_code_and_click() -> None:
    assert led("https://shop.example/") == "https://shop.example/?ref=A"
    assert led("https://shop.example/p?x=1&ref=B&ref_click=1#top") == (
        "https://shop.example/p?x=1&ref=A#top"
    )
    assert led("https://shop.example/p#top", "A", CLICK) == (
        f"https://shop.example/p?ref=A&ref_click={CLICK}#top"
    )


def test_a_visitors_query_is_kept_and_replaces_nothing() -> None:
    query = "utm_source=m%C3%BCll&x=2&ref=EVE&ref_click=1&ref_problem=expired&empty=&utm_source=b"
    assert led("https://shop.example/p?x=1", "A", CLICK, query=query) == (
        "https://shop.example/p?x=1&utm_source=m%C3%BCll&empty=&utm_source=b"
        f"&ref=A&ref_click={CLICK}"
    )
    assert led("https://shop.example/", query="a=%ff%00%0d%0aX&//evil.example") == (
        "https://shop.example/?a=%FF%00%0D%0AX&%2F%2Fevil.example=&ref=A"
    )


@given(
    st.text(),
    st.one_of(
        st.binary().map(lambda sent: sent.decode("latin-1")),
        st.lists(st.tuples(st.text(), st.text())).map(urlencode),
    ),
    st.sampled_from([LAPTOP, IPHONE, PIXEL, IN_APP, ""]),
)
def test_no_request_says_where_it_leads(code: str, query: str, user_agent: str) -> None:
    links = Links(web="https://shop.example/p?x=1", ios="https://app.shop.example/i", android=STORE)
    link = FollowedLink(visit(code, None).code, CLICK, query, user_agent)
    url = urlsplit(location(link, links, NO_LINKS) or "")
    places = {(urlsplit(a).netloc, urlsplit(a).path) for a in (links.web, links.ios, STORE) if a}
    assert url.scheme == "https"
    assert (url.netloc, url.path) in places
    found = dict(reversed(parse_qsl(url.query, keep_blank_values=True)))
    assert found.get("x", "1") == "1"
    assert found.get("id", "com.shop") == "com.shop"


def test_the_play_store_gets_code_click_and_query_as_the_install_referrer() -> None:
    links = Links(web="https://shop.example/", android=f"{STORE}&referrer=utm_source%3Dmail")
    link = FollowedLink("A", CLICK, "utm_source=x&utm_campaign=spring", PIXEL)
    url = urlsplit(location(link, links, NO_LINKS) or "")
    query = parse_qs(url.query)
    assert (url.netloc, url.path, query["id"]) == (
        "play.google.com",
        "/store/apps/details",
        ["com.shop"],
    )
    [referrer] = query["referrer"]
    assert dict(parse_qsl(referrer)) == {
        "utm_source": "mail",
        "utm_campaign": "spring",
        "ref": "A",
        "ref_click": CLICK,
    }


@pytest.mark.parametrize(
    ("user_agent", "found"),
    [
        *((IPHONE, "ios"), (IPAD, "ios"), (PIXEL, "android"), (IN_APP, "android")),
        *((LAPTOP, "web"), (None, "web"), ("", "web")),
    ],
)
def test_phones_have_addresses_of_their_own(user_agent: str | None, found: str) -> None:
    all_three = Links(**{name: f"https://{name}.example/" for name in ("web", "ios", "android")})
    link = FollowedLink("A", user_agent=user_agent)
    assert location(link, all_three, NO_LINKS) == f"https://{found}.example/?ref=A"
    assert location(link, NO_LINKS, all_three) == f"https://{found}.example/?ref=A"
    only = Links(web="https://own.example/")
    assert location(link, only, all_three) == "https://own.example/?ref=A", "none is mixed"


APP = Links(
    web="https://shop.example/", android="https://shop.example/app?x=1#top", android_app="com.shop"
)


def test_an_app_is_opened_where_it_is_installed_and_else_its_page_in_the_store() -> None:
    link = FollowedLink("A", CLICK, "utm_source=m;end", PIXEL)
    found = location(link, APP, NO_LINKS) or ""
    address, _, intent = found.partition("#")
    added = f"utm_source=m%3Bend&ref=A&ref_click={CLICK}"
    assert address == f"intent://shop.example/app?x=1&{added}"
    parts = intent.split(";")
    assert parts[:3] == ["Intent", "scheme=https", "package=com.shop"]
    assert parts[4:] == ["end"]
    name, _, fallback = parts[3].partition("=")
    assert name == "S.browser_fallback_url"
    query = parse_qs(urlsplit(unquote(fallback)).query)
    assert query == {"id": ["com.shop"], "referrer": [added]}


@pytest.mark.parametrize("user_agent", [IN_APP, FIREFOX])
def test_browsers_without_intents_get_the_app_link(user_agent: str) -> None:
    link = FollowedLink("A", user_agent=user_agent)
    assert location(link, APP, NO_LINKS) == "https://shop.example/app?x=1&ref=A#top"


def test_an_app_without_a_link_is_its_page_in_the_store() -> None:
    links = Links(web="https://shop.example/", android_app="com.shop")
    link = FollowedLink("A", user_agent=PIXEL)
    assert location(link, links, NO_LINKS) == f"{STORE}&referrer=ref%3DA"


def test_a_link_that_is_not_good_leads_to_the_fallback_and_says_why() -> None:
    installation = Links(web="https://shop.example/", fallback="https://shop.example/sorry")
    campaign = Links(web="https://spring.example/")
    link = FollowedLink("A", CLICK, "utm_source=m", PIXEL, LinkProblem.EXPIRED)
    why = "?utm_source=m&ref_problem=expired"
    own = Links(web=campaign.web, fallback="https://spring.example/over")
    assert location(link, own, installation) == f"https://spring.example/over{why}"
    assert location(link, campaign, installation) == f"https://shop.example/sorry{why}"
    assert location(link, campaign, NO_LINKS) == f"https://spring.example/{why}"
    web = Links(web="https://shop.example/")
    assert location(FollowedLink(None), NO_LINKS, web) == (
        "https://shop.example/?ref_problem=unknown"
    )
    assert location(FollowedLink("A"), NO_LINKS, NO_LINKS) is None


def test_who_opens_no_apps_is_led_to_an_address_of_the_web() -> None:
    link = FollowedLink("A", user_agent=PIXEL, opens_apps=False)
    assert location(link, APP, NO_LINKS) == "https://shop.example/app?x=1&ref=A#top"


@pytest.mark.parametrize(
    "own",
    ["/en/spring", "flag", "a=b%20c&sig=a%2Bb%2Fc;d", "a=1&&b", "x=%E4&y=%c3%a4", "q=a+b&q=c", "="],
)
def test_the_query_of_the_address_itself_stays_as_it_is(own: str) -> None:
    assert led(f"https://shop.example/?{own}", query="utm=1") == (
        f"https://shop.example/?{own}&utm=1&ref=A"
    )
    store = Links(web="https://shop.example/", android=f"{STORE}&{own}&referrer=a%3Db%2520c&hl=en")
    found = location(FollowedLink("A", user_agent=PIXEL), store, NO_LINKS)
    assert found == f"{STORE}&{own}&hl=en&referrer=a%3Db%2520c%26ref%3DA"


def test_our_own_parameters_are_taken_out_however_they_are_escaped() -> None:
    assert led("https://shop.example/?r%65f=B&flag&ref&a=1") == (
        "https://shop.example/?flag&a=1&ref=A"
    )
    assert led("https://shop.example/?utm%5Fsource=own", query="utm_source=eve") == (
        "https://shop.example/?utm%5Fsource=own&ref=A"
    )
