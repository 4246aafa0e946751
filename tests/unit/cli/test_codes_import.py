"""Codes that are taken over, added and written to files."""

import csv

import pytest
from support.codes_commands import Codes

from reftrail.contracts.errors import ExpectedError

IMPORTED = """voucher,owner,campaign,max_uses,channels,expires_at
OLD1,amy,spring,3,web|app,2030-01-01T00:00:00Z
OLD2,bob,spring,,,
OLD2,eve,spring,,,
OLD/3,eve,spring,,,
OLD4,eve,spring,x,,
"""


def test_nothing_is_half_imported(codes: Codes) -> None:
    (codes.directory / "old.csv").write_text(IMPORTED)
    assert "--map FIELD=voucher" in codes.refuses(2, "import", "old.csv")
    mapped = ("import", "old.csv", "--map", "code=voucher")
    done = codes.run(*mapped, exit_code=4)
    assert done.stdout == "added 0, unchanged 0, at fault 2\n"
    assert done.stderr.splitlines() == [
        "old.csv, line 5: OLD/3: code is 'OLD/3': 1 to 64 of A-Z, a-z, 0-9, _ and - make a code",
        (
            "old.csv, line 6: OLD4: max_uses is 'x': Input should be a valid integer, unable to "
            "parse string as an integer"
        ),
        "nothing is taken over; correct these lines, or leave them out with --skip-clashes",
    ]
    (codes.directory / "two.csv").write_text("\n".join(IMPORTED.splitlines()[:4]))
    clashing = codes.refuses(4, "import", "two.csv", "--map", "code=voucher")
    assert clashing.startswith("two.csv, line 4: OLD2: ")
    assert codes.rows("list") == []

    done = codes.run(*mapped, "--skip-clashes", "--report", "faults.csv", exit_code=4)
    assert done.stdout == "added 2, unchanged 0, at fault 3\n"
    faults = csv.DictReader((codes.directory / "faults.csv").open())
    assert [(row["line"], row["code"]) for row in faults] == [
        ("4", "OLD2"), ("5", "OLD/3"), ("6", "OLD4"),
    ]  # fmt: skip
    first = codes.rows("list")[0]
    assert (first["code"], first["channels"], first["max_uses"]) == ("OLD1", ["web", "app"], 3)
    with pytest.raises(ExpectedError, match=r"faults.csv is there already"):
        codes.run(*mapped, "--skip-clashes", "--report", "faults.csv")


@pytest.mark.parametrize("name", ["codes.csv", "codes.jsonl", "codes.parquet"])
def test_what_was_written_can_be_taken_over_again(codes: Codes, name: str) -> None:
    terms = ("--max-uses", "2", "--regions", "DE", "--regions", "AT", "--notes", "a, b",
             "--expires-at", "2031-05-01T10:00:00+02:00")  # fmt: skip
    codes.run("issue", "--campaign", "spring", "--count", "5", "--out", name, *terms)
    unknown = [
        part for column in ("status", "distributed", "origin") for part in ("--ignore", column)
    ]
    again = codes.says("import", name, *unknown)
    assert again == "added 0, unchanged 5\n"
    codes.environment["REFTRAIL_CODES_STORE"] = f"sqlite:///{codes.directory}/other.sqlite"
    before = codes.directory / "before.csv"
    assert codes.says("import", name, *unknown) == "added 5, unchanged 0\n"
    codes.run("list", "--out", str(before))
    [row, *_] = csv.DictReader(before.open())
    assert (row["expires_at"][:19], row["regions"]) == ("2031-05-01T08:00:00", "DE|AT")


def test_adding_is_the_same_twice_and_refused_otherwise(codes: Codes) -> None:
    add = ("add", "AMY1", "--owner", "amy")
    assert codes.refuses(2, *add) == "error: --campaign is needed\n"
    assert codes.says(*add, "--campaign", "spring") == "added 1, unchanged 0\n"
    assert codes.says(*add, "--campaign", "spring") == "added 0, unchanged 1\n"
    assert "AMY1" in codes.refuses(4, *add, "--campaign", "winter")
    (codes.directory / "codes.csv").write_text("code,owner,campaign\nBOB1,bob,spring\n")
    assert codes.says("add", "--from", "codes.csv") == "added 1, unchanged 0\n"
    assert "give either CODE" in codes.refuses(2, "add")
