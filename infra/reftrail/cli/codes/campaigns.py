"""Check that the campaigns of codes have been applied."""

from collections.abc import Set as AbstractSet

from reftrail.campaigns.apply import defined_campaigns
from reftrail.cli.connection import Connection
from reftrail.codes.model import ActRefused, Why


def check_campaigns(connection: Connection, wanted: AbstractSet[str]) -> None:
    """Raises `ActRefused` (NOT_FOUND) if one isn't defined. The store knows of none."""
    known = {defined.campaign_id for defined in defined_campaigns(connection.installation)}
    if missing := sorted(wanted - known):
        there = ", ".join(sorted(known)[:10]) or "none"
        raise ActRefused(
            Why.NOT_FOUND,
            f"there is no campaign {missing[0]} (known: {there}); define it with: "
            f"reftrail campaigns apply FILE.toml",
        )
