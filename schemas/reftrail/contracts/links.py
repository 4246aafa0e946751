"""Destinations of a campaign's referral links, as its policy has them."""

import msgspec


class Links(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The addresses to which the links of a campaign's codes lead; without web the installation's.

    web is for desktops, and for phones that have none of their own. android_app is the id of an
    app in the Play store: where it is installed, it opens android. fallback is for links whose code
    has ended, or whose campaign isn't running. Rewards don't depend on any of them.
    """

    web: str | None = None
    ios: str | None = None
    android: str | None = None
    android_app: str | None = None
    fallback: str | None = None


NO_LINKS = Links()
