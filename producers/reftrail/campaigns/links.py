"""The table of a campaign file that says where the links of its codes lead."""

import re
from typing import Annotated, Final, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reftrail.campaigns.tables import Table
from reftrail.campaigns.units import Takes, quoted
from reftrail.campaigns.validation import FaultMessage

PLAY_HOST: Final = "play.google.com"
APPLE_HOSTS: Final = ("apps.apple.com", "itunes.apple.com")
LONGEST_ADDRESS: Final = 1_500
"""Characters: with the code and a visitor's query still what browsers and proxies take."""

_VISIBLE: Final = re.compile(r"[!-~]+", re.ASCII)


def _address(given: str) -> str:
    try:
        parts = urlsplit(given)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if (
        not is_one
        or parts.username is not None
        or "\\" in given
        or len(given) > LONGEST_ADDRESS
        or _VISIBLE.fullmatch(given) is None
    ):
        raise ValueError("no address")
    return given


Address: TypeAlias = Annotated[
    str,
    AfterValidator(_address),
    Takes(
        "address",
        "an absolute http or https address in quotes such as "
        '"https://shop.example/spring", as a browser copies it: in ASCII, without blanks and '
        f"without a user's name, of at most {LONGEST_ADDRESS} characters",
        quoted,
    ),
]
AppId: TypeAlias = Annotated[
    str,
    Field(max_length=255, pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$"),
    Takes(
        "app id", 'the id of an app in the Play store in quotes, such as "com.example.shop"', quoted
    ),
]


class Links(Table):
    """Where `GET /r/{code}` leads. A campaign without `web` has the installation's addresses."""

    web: Address | None = Field(
        default=None,
        description="Where browsers are led, on phones too if they have no address of their own.",
    )
    ios: Address | None = Field(
        default=None,
        description="Where iPhones and iPads are led: a universal link, whose page leads on to "
        "the store, or the app's page there.",
    )
    android: Address | None = Field(
        default=None,
        description="Where Android is led: an app link, or the app's page in the Play store, which "
        "gets code and click as the install referrer.",
    )
    android_app: AppId | None = Field(
        default=None,
        description="The app that opens `android`. Where it isn't installed, its page in the Play "
        "store is opened, with code and click as the install referrer; without `android` always.",
    )
    fallback: Address | None = Field(
        default=None,
        description="Where links are led whose code was stopped or has expired, or outside "
        "`starts_at` and `ends_at`, with the reason as `ref_problem`. If it isn't given, the "
        "installation's, else `web`.",
    )

    @model_validator(mode="after")
    def _has_a_page_for_all(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if given and self.web is None:
            raise FaultMessage(
                f"there is {given[0]} and no web, where all other browsers are led; give web too",
                at=(given[0],),
            )
        if self.android_app and self.android and urlsplit(self.android).hostname == PLAY_HOST:
            raise FaultMessage(
                "android is the app's page in the Play store, which android_app opens by itself; "
                "keep one of them, or make android the address that the app opens",
                at=("android_app",),
            )
        return self
