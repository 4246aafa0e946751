"""Topics and codes for collectors that are measured, by the version of reftrail that runs this.

So it takes nothing from files beside it, which may need what an older version hasn't.
"""

from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topics import CODES
from reftrail.local.topics import create_topics
from reftrail.reference import write

PARTITIONS = 6


def main() -> None:
    """Prepare the installation that the environment names."""
    installation = Installation()
    create_topics(installation, PARTITIONS)
    write(installation, CODES, codes())


def codes() -> list[CodeChanged]:
    """The codes of events."""
    return [_code(number) for number in range(1000)]


def _code(number: int) -> CodeChanged:
    return CodeChanged(
        event_id=f"code-{number}",
        event_time=1,
        received_at=1,
        code=f"C{number}",
        campaign_id="summer",
        created_at=1,
    )


if __name__ == "__main__":
    main()
