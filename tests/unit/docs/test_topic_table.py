"""The documented tables of topics and of modules are those of the code."""

import re
from pathlib import Path

from reftrail.contracts import topics
from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topic import DEFAULT_PREFIX, FOR_GOOD, Topic
from reftrail.contracts.topics import TOPICS

DOCUMENT = Path(__file__).parents[3] / "schemas" / "README.md"


def _row(topic: Topic) -> str:
    carries = ", ".join(record.__name__ for record in topic.records) or "packed state"
    whole = f"{topic.kept // DAY} days" if topic.kept >= DAY else f"{topic.kept // HOUR} hours"
    kept = "for good" if topic.kept == FOR_GOOD else whole
    if topic.compacted:
        kept = "last of each key"
    readers = ", ".join(topic.read_by)
    return f"| {topic.name} | {topic.key} | {carries} | {kept} | {topic.written_by} | {readers} |"


def test_the_document_says_what_each_module_is_for() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+\.py)`", " ".join(row.split("|")[1] for row in rows)))
    modules = {path.name for path in Path(topics.__file__).parent.glob("*.py")}
    assert named == modules - {"__init__.py"}


def test_the_document_lists_every_topic_as_it_is() -> None:
    text = DOCUMENT.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row in map(_row, TOPICS)] == [_row(topic) for topic in TOPICS]
    assert f"`{DEFAULT_PREFIX}`" in text
