"""What is kept of a user agent: browser, system and class of device, by names that many share.

Read by the regular expressions of https://github.com/ua-parser/uap-core. Some of them take a name
from the user agent itself, which may be anybody's; so only names listed here go on, without
versions.
"""

from functools import cache, lru_cache
from typing import Final, NamedTuple

from ua_parser import Domain, load_lazy_builtins
from ua_parser.regex import Resolver

OTHER: Final = "other"
"""What isn't known, or is a name of too few."""

FAMILIES: Final = frozenset(
    {
        *("Amazon Silk", "Android", "Apple Mail", "Brave", "CFNetwork", "Chrome", "Chrome Mobile"),
        *("Chrome Mobile WebView", "Chrome Mobile iOS", "Coc Coc", "DuckDuckGo"),
        *("DuckDuckGo Mobile", "Ecosia Android", "Ecosia iOS", "Edge", "Edge Mobile", "Electron"),
        *("Facebook", "Facebook Messenger", "Firefox", "Firefox Mobile", "Firefox iOS", "Google"),
        *("HeadlessChrome", "Huawei Browser", "IE", "IE Mobile", "Instagram", "KakaoTalk", "LINE"),
        *("LinkedIn", "MiuiBrowser", "Mobile Safari", "Mobile Safari UI/WKWebView"),
        *("Oculus Browser", "Opera", "Opera GX", "Opera Mini", "Opera Mobile", "Outlook"),
        *("Pinterest", "QQ Browser", "QQ Browser Mobile", "Safari", "Samsung Internet", "Snapchat"),
        *("Telegram", "Thunderbird", "TikTok", "Twitter", "UC Browser", "Vivaldi"),
        *("WeChat Browser", "WhatsApp", "Whale", "Yandex Browser", "okhttp"),
    }
)
"""Names of browsers and apps, as the library spells them."""

_PHONE, _TABLET, _COMPUTER = "phone", "tablet", "computer"
DEVICE_CLASSES: Final = frozenset({_PHONE, _TABLET, _COMPUTER, OTHER})

_SYSTEMS: Final = {
    "Android": ("Android", None),
    "iOS": ("iOS", None),
    "KaiOS": ("KaiOS", _PHONE),
    "Windows Phone": ("Windows Phone", _PHONE),
    "Chrome OS": ("Chrome OS", _COMPUTER),
    "Mac OS X": ("Mac OS X", _COMPUTER),
    "Windows": ("Windows", _COMPUTER),
    "Linux": ("Linux", _COMPUTER),
    "Debian": ("Linux", _COMPUTER),
    "Fedora": ("Linux", _COMPUTER),
    "Ubuntu": ("Linux", _COMPUTER),
}
"""By the library's name, ours, and the class of devices where the system alone tells it."""
SYSTEMS: Final = frozenset({OTHER, *(name for name, _ in _SYSTEMS.values())})

_LOOKED_AT: Final = 320
"""Characters of a user agent that are read; apps write theirs after their browser's 120."""


class Agent(NamedTuple):
    """Browser, system and class of device: of `FAMILIES`, `SYSTEMS` and `DEVICE_CLASSES`."""

    family: str
    os: str
    device_class: str


def agent_of(user_agent: str) -> Agent:
    """What is kept of a user agent, of which the first 320 characters are read."""
    return _read(user_agent[:_LOOKED_AT])


@lru_cache(maxsize=16_384)
def _read(said: str) -> Agent:
    """Remembered, since a search takes 20 to 60 microseconds."""
    text = said.encode(errors="replace").decode()  # the library reads no lone surrogates
    found = _library()(text, Domain.USER_AGENT | Domain.OS)
    family = OTHER if found.user_agent is None else found.user_agent.family
    system, device_class = _SYSTEMS.get("" if found.os is None else found.os.family, (OTHER, OTHER))
    return Agent(
        family=family if family in FAMILIES else OTHER,
        os=system,
        device_class=device_class or _class_of_mobile(system, text),
    )


# https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/Browser_detection_using_the_user_agent
# An iPad says that it is a Mac, unless it is asked for pages for mobiles.
def _class_of_mobile(system: str, text: str) -> str:
    if system == "iOS":
        return _TABLET if "iPad" in text else _PHONE
    return _PHONE if "Mobile" in text else _TABLET


@cache
def _library() -> Resolver:
    """Expressions for browsers and systems, in 0.07 s; those for devices name models alone."""
    families, systems, _ = load_lazy_builtins()
    return Resolver((families, systems, []))
