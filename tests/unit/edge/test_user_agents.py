"""What is kept of user agents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ua_parser import load_builtins

from reftrail.edge.user_agents import DEVICE_CLASSES, FAMILIES, OTHER, SYSTEMS, Agent, agent_of

ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
LUMIA = (
    "Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; IEMobile/11.0) like iPhone OS 7_0_3"
)


@pytest.mark.parametrize(
    ("user_agent", "kept"),
    [
        (ANDROID + "Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome Mobile, Android, phone"),
        (ANDROID + "Chrome/140.0.0.0 Safari/537.36", "Chrome, Android, tablet"),
        (
            ANDROID + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Samsung Internet, Android, phone",
        ),
        (
            IPHONE + "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            "Mobile Safari, iOS, phone",
        ),
        (
            IPHONE + "(KHTML, like Gecko) Mobile/15E148 Instagram 390.0.0.0.1 (iPhone15,2)",
            "Instagram, iOS, phone",
        ),
        (IPAD + "Version/17.5 Mobile/15E148 Safari/604.1", "Mobile Safari, iOS, tablet"),
        (MAC + "Version/18.4 Safari/605.1.15", "Safari, Mac OS X, computer"),
        (WINDOWS + "; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows, computer"),
        (
            WINDOWS + ") AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge, Windows, computer",
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox, Linux, computer",
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140.0.0.0 Safari/537.36",
            "Chrome, Chrome OS, computer",
        ),
        (LUMIA, "IE Mobile, Windows Phone, phone"),
        ("okhttp/4.12.0", "okhttp, other, other"),
        ("", "other, other, other"),
    ],
)
def test_what_is_kept_of_common_ones(user_agent: str, kept: str) -> None:
    assert ", ".join(agent_of(user_agent)) == kept


def test_a_name_that_a_user_agent_gives_itself_is_not_kept() -> None:
    """The library would take it for the app's: its expression is `^(.*)/… CFNetwork`."""
    assert agent_of("amy@example.com/1.2 CFNetwork/1390 Darwin/22.0.0").family == OTHER


WORDS = st.sampled_from(
    ["Mozilla/5.0 (", "Linux; Android 10; K)", "iPhone", "iPad", "Windows NT 10.0", "CFNetwork/1"]
)


@given(st.lists(st.text() | WORDS | st.text(st.characters(categories=["Cs"]))).map(" ".join))
def test_any_text_leads_to_names_of_the_lists(text: str) -> None:
    agent = agent_of(text)
    assert agent.family in FAMILIES | {OTHER}
    assert agent.os in SYSTEMS
    assert agent.device_class in DEVICE_CLASSES


def test_what_comes_late_in_a_long_one_is_not_read() -> None:
    assert agent_of(" " * 320 + "Firefox/140.0") == Agent(OTHER, OTHER, OTHER)


def test_the_library_has_each_name() -> None:
    """By an expression of that name, or by one that takes it from the user agent."""
    built_in: Any = load_builtins()
    families, systems, _ = built_in
    named = {matcher.family for matcher in families}
    taken = "".join(matcher.regex for matcher in families if "$1" in matcher.family)
    taken += "".join(matcher.regex for matcher in families if not matcher.family)
    assert [name for name in FAMILIES if name not in named and name not in taken] == []
    regexes = " ".join(matcher.regex for matcher in systems)
    found = {matcher.family for matcher in systems}
    assert [name for name in SYSTEMS - {OTHER} if name not in found and name not in regexes] == []
