"""The topic of each stage's state, from which a worker that takes over restores it."""

from collections.abc import Callable
from typing import Final

from reftrail.contracts.topic import Topic
from reftrail.contracts.topic_keys import code_part


def _changelog(stage: str, key: str, partitioned_by: Callable[[str], str] = str) -> Topic:
    return Topic(
        f"{stage}-changelog",
        key,
        None,
        compacted=True,
        public=False,
        partitioned_by=partitioned_by,
        written_by=stage,
        read_by=(stage,),
        key_of=str,
    )


TOUCH_CHANGELOG: Final = _changelog("touch", "visitor_id")
ATTRIBUTION_CHANGELOG: Final = _changelog("attribution", "user_id; user_id:w:event_id")
VELOCITY_CHANGELOG: Final = _changelog("velocity", "signal")
LIMITS_CHANGELOG: Final = _changelog("limits", "limit")
REWARD_CHANGELOG: Final = _changelog(
    "reward", "code; code:user_id; code:user_id:kind:name", code_part
)
MILESTONE_CHANGELOG: Final = _changelog("milestone", "beneficiary")

CHANGELOGS: Final = (
    TOUCH_CHANGELOG,
    ATTRIBUTION_CHANGELOG,
    VELOCITY_CHANGELOG,
    LIMITS_CHANGELOG,
    REWARD_CHANGELOG,
    MILESTONE_CHANGELOG,
)
