"""The page of the rules lists the dead letters and cells that there are."""

import re
from pathlib import Path

from reftrail.engine.dead_letters import UNDECIDABLE, UNDECODABLE, WRONG_PARTITION
from reftrail.rules.reward.keys import _BY_LETTER

PROCESSORS = Path(__file__).parents[3] / "stream_processors"
DOCUMENT = (PROCESSORS / "README.md").read_text()
REFUSED = re.compile(
    r'(?:\b_?refuse\((?:context, \w+, )?|\b_?Refusal\(|\breason=)\s*"([a-z_]+)"'
    r'|\breturn "([a-z_]+)", f?"'
)


def test_every_reason_of_a_dead_letter_is_listed() -> None:
    table = DOCUMENT.partition("| reason | what it is about |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| `([a-z_]+)`", table, re.MULTILINE)
    files = [
        file
        for part in ("rules", "engine")
        for file in (PROCESSORS / "reftrail" / part).rglob("*.py")
    ]
    found = (match for file in files for match in REFUSED.finditer(file.read_text()))
    used = {match[1] or match[2] for match in found}
    assert sorted(listed) == sorted(used | {UNDECODABLE, UNDECIDABLE, WRONG_PARTITION})


def test_every_kind_of_cell_is_listed() -> None:
    letters = re.findall(r"^\|[^|]*\| `code:(?:user)?:([a-z]):[\w:]+` \|", DOCUMENT, re.MULTILINE)
    assert sorted(letters) == sorted(_BY_LETTER)
