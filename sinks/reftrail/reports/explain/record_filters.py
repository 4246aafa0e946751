"""Records of the log that a stage is asked about for a user and code."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTION_INPUTS,
    REWARD_INPUTS,
)
from reftrail.engine.stage import Stage

_TICKED = (ATTRIBUTION_INPUTS, REWARD_INPUTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A stage that decides again, the keys that it reads, and those of its events.

    keys are those of the topic that the stage reads; outputs has for each topic the key there.
    """

    stage: Stage
    keys: tuple[str, ...]
    outputs: tuple[tuple[Topic, str], ...]


def of_key(topic: Topic, key: str) -> Callable[[Any], bool]:
    """Records of a key, and the ticks in its partition."""
    return lambda record: (
        topic.key_of(record) == key or (topic in _TICKED and isinstance(record, Ticked))
    )


def of_user(user_id: str) -> Callable[[Any], bool]:
    """Records of a user."""
    return lambda record: bool(record.user_id == user_id)


def of_referral(code: str, user_id: str) -> Callable[[Any], bool]:
    """Records of a user under a code."""
    return lambda record: bool(record.code == code and record.user_id == user_id)


def of_code(code: str) -> Callable[[Any], bool]:
    """Records of a code."""
    return lambda record: bool(record.code == code)
