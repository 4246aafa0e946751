"""`reftrail codes` on a store of its own, without Kafka or reports, read at 80 columns."""

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import segno
from typer import Typer
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner, Result

from reftrail import codes as package
from reftrail.cli.codes import asks, issue, review, session, take_over
from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError


@dataclass(frozen=True)
class Codes:
    """The commands. Every call is one process's worth: the store is opened anew."""

    app: Typer
    directory: Path
    environment: dict[str, str]

    def run(self, *arguments: str, exit_code: int = 0, typed: str | None = None) -> Result:
        done = CliRunner().invoke(self.app, ["codes", *arguments], typed, env=self.environment)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == exit_code, done.output
        return done

    def says(self, *arguments: str) -> str:
        return self.run(*arguments).stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.says(*arguments, "-o", "json"))
        return found

    def refuses(self, exit_code: int, *arguments: str) -> str:
        return self.run(*arguments, exit_code=exit_code).stderr


@pytest.fixture(scope="module")
def app() -> Iterator[Typer]:
    """The commands, made out once: that takes longer than most of what they do."""
    made = command_line(("codes",))
    command = get_command(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", lambda _: command)
        yield made


@pytest.fixture
def codes(app: Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Codes:
    """Campaigns spring and winter are there, and nothing waits for Kafka."""

    def check(_: object, wanted: set[str]) -> None:
        if wanted - {"spring", "winter"}:
            raise ExpectedError(f"there is no campaign {min(wanted)}")

    monkeypatch.setattr(session, "wait_until_sent", lambda *_: None)
    monkeypatch.setattr(issue, "check_campaigns", check)
    monkeypatch.setattr(take_over, "check_campaigns", check)
    monkeypatch.chdir(tmp_path)
    return Codes(
        app,
        tmp_path,
        {
            "REFTRAIL_CODES_STORE": f"sqlite:///{tmp_path}/codes.sqlite",
            "REFTRAIL_CODES_SECRET": "c1:" + "5e" * 32,
            "REFTRAIL_COLLECTOR_URL": "https://go.example",
            "REFTRAIL_ACTOR": "amy",
            "COLUMNS": "80",
        },
    )


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """What the reports answer from now on."""

    def answer(told: dict[str, Any]) -> None:
        for module in (asks, review):
            monkeypatch.setattr(module, "asked", lambda *_: told)

    return answer


def narrow(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    return lines


def test_random_codes_are_printed_or_written_to_a_file(codes: Codes) -> None:
    assert re.fullmatch("REF[2-9A-Z]{9}\n", codes.says("issue", "--campaign", "spring"))
    asked = ("issue", "--campaign", "winter", "--count", "2500", "--max-uses", "3")
    reading: dict[str, Callable[[Path], pl.DataFrame]] = {
        "codes.csv": pl.read_csv,
        "codes.parquet": pl.read_parquet,
        "codes.jsonl": pl.read_ndjson,
    }
    for name, read in reading.items():
        assert f"2,500 codes issued, in {name}" in codes.run(*asked, "--out", name).stderr
        assert read(codes.directory / name)["code"].n_unique() == 2500
        assert (codes.directory / name).stat().st_mode & 0o777 == 0o600
    assert len(codes.rows("list", "--campaign", "winter", "--limit", "0")) == 7500
    with pytest.raises(ExpectedError, match="is there already"):
        codes.run(*asked, "--out", "codes.csv")
    with pytest.raises(ExpectedError, match="no campaign autumn"):
        codes.run("issue", "--campaign", "autumn")
    assert len(codes.rows("list", "--limit", "0")) == 7501


def test_what_is_missing_is_named_by_its_option(codes: Codes) -> None:
    assert codes.refuses(2, "issue") == "error: --campaign is needed\n"
    said = codes.refuses(2, "issue", "--campaign", "spring", "--expires-at", "soon")
    assert said.startswith("error: --expires-at is 'soon'")
    assert "--record is 'ticket'" in codes.refuses(
        2, "issue", "--campaign", "spring", "--record", "ticket"
    )


def test_structured_codes_are_counted_on_and_selected_by_segment(codes: Codes) -> None:
    pattern = "PRG-{year:2020-2039}-{region:@@}-{sequence:####}-{status:A|R}"
    codes.run("format", "define", "prg", "--pattern", pattern, "--campaign", "spring")
    asked = ("issue", "--campaign", "spring", "--set", "year=2025", "--set", "status=A")
    printed = codes.says(*asked, "--set", "region=US", "--count", "3")
    assert printed.split() == [f"PRG-2025-US-000{number}-A" for number in (1, 2, 3)]
    codes.run(*asked, "--set", "region=DE")
    assert "say which region" in codes.refuses(2, *asked)
    selected = codes.rows("list", "--format", "prg", "--where", "region=DE|CA")
    assert [row["code"] for row in selected] == ["PRG-2025-DE-0001-A"]
    assert "no colour" in codes.refuses(2, "list", "--format", "prg", "--where", "colour=red")
    assert "--where needs --format" in codes.refuses(2, "list", "--where", "region=DE")
    assert codes.refuses(3, "list", "--format", "none") == (
        "error: there is no format none (known: prg)\n"
    )


def test_derived_codes_go_on_where_they_ended_and_can_be_written_again(codes: Codes) -> None:
    assert "format define" in codes.refuses(3, "issue", "--campaign", "spring", "--derived")
    define = ("format", "define", "spr", "--derived", "--campaign", "spring")
    codes.run(*define, "--pattern", "SPR{body:9}{check}")
    first = codes.says("issue", "--campaign", "spring", "--derived", "--count", "3").split()
    done = codes.run("issue", "--format", "spr", "--count", "10000", "--out", "d.csv")
    assert "10,000 codes issued, numbers 4 to 10,003 of campaign spring" in done.stderr
    written = list(csv.DictReader((codes.directory / "d.csv").open()))
    assert [written[0]["sequence"], written[-1]["sequence"]] == ["4", "10003"]
    again = codes.says("issue", "--format", "spr", "--again", "2-4").split()
    assert again == [*first[1:], written[0]["code"]]
    assert "has codes 1-10003" in codes.refuses(2, "issue", "--format", "spr", "--again", "0-9")
    assert codes.rows("list") == []
    assert "is number 10,003 of campaign spring" in codes.refuses(3, "show", written[-1]["code"])
    assert json.loads(codes.says("verify", written[-1]["code"], "-o", "json"))["sequence"] == 10_003
    [listed] = codes.rows("format", "list")
    assert (listed["used"], listed["kind"]) == (10_003, "derived")
    assert listed["guesses_to_find_one"] == pytest.approx(31**9 / 10_003)


def test_no_derived_codes_are_issued_for_a_file_that_cannot_be_written(codes: Codes) -> None:
    define = ("format", "define", "spr", "--derived", "--campaign", "spring")
    codes.run(*define, "--pattern", "SPR{body:9}{check}")
    with pytest.raises(ExpectedError, match=r"cannot write none/d\.csv"):
        codes.run("issue", "--format", "spr", "--out", "none/d.csv")
    with pytest.raises(ExpectedError, match=r"must end with one of \.csv, \.jsonl, \.parquet"):
        codes.run("issue", "--format", "spr", "--out", "d.xls")
    assert codes.rows("format", "list")[0]["used"] == 0


def test_derived_codes_need_the_secret(codes: Codes) -> None:
    define = ("format", "define", "spr", "--derived", "--campaign", "spring")
    codes.run(*define, "--pattern", "SPR{body:9}{check}")
    codes.environment["REFTRAIL_CODES_SECRET"] = ""
    assert "REFTRAIL_CODES_SECRET" in codes.refuses(1, "issue", "--format", "spr")


def test_chosen_codes(codes: Codes) -> None:
    asked = ("issue", "--campaign", "spring", "--owner", "amy", "--chosen")
    assert codes.says(*asked, "amy smith") == "AMY-SMITH\n"
    assert "is taken" in codes.refuses(4, *asked, "amy-sm1th")
    assert "reserved" in codes.refuses(2, *asked, "admin")
    assert "what might do instead: AMY" in codes.refuses(2, *asked, "\u0410MY")
    assert "leave out --count" in codes.refuses(2, *asked, "bob", "--count", "2")


def test_the_life_of_a_code(codes: Codes) -> None:
    codes.run("add", "AMY1", "--campaign", "spring", "--record", "ticket:7")
    assert codes.says("bind", "AMY1", "--owner", "amy") == (
        "AMY1: bound to owner amy and ticket 7\n"
    )
    codes.refuses(4, "bind", "AMY1", "--owner", "bob")
    told = codes.says("change", "AMY1", "--max-distributes", "5", "--channel-limit", "mail=3")
    assert told == "AMY1: max_distributes 5, channel_limits mail 3\n"
    assert codes.says("change", "AMY1", "--notes", "a friend", "--clear", "max-uses") == (
        "AMY1: notes a friend, max_uses -\n"
    )
    assert codes.says("distribute", "AMY1", "--channel", "mail", "--count", "3") == (
        "AMY1: distributed 3 times, 2 left\n"
    )
    codes.refuses(6, "distribute", "AMY1", "--channel", "mail")
    assert codes.says("suspend", "AMY1", "--reason", "asked to") == "AMY1: status: suspended\n"
    assert codes.run("verify", "amy1", exit_code=1).stdout == "the code is suspended for now\n"
    codes.run("reactivate", "AMY1")
    assert codes.says("verify", " amy1 ") == "the code is valid\n"
    old, new = codes.says("reissue", "AMY1").strip().split(" -> ")
    assert old == "AMY1"
    assert "revoked" in codes.run("verify", "AMY1", exit_code=1).stdout
    codes.refuses(5, "suspend", "AMY1")
    renewed = json.loads(codes.says("show", new, "-o", "json"))
    assert (renewed["owner_user_id"], renewed["record_id"]) == ("amy", "7")
    assert codes.says("expire", new) == f"{new}: status: expired\n"

    acts = codes.rows("audit", "AMY1")
    assert [one["act"] for one in acts] == [
        "issued", "bound", "changed", "changed", "distributed", "suspended", "reactivated",
        acts[-1]["act"],
    ]  # fmt: skip
    assert {one["actor"] for one in acts} == {"amy"}
    suspended = acts[5]
    assert suspended["reason"] == "asked to"
    assert (suspended["before"], suspended["after"]) == (
        {"status": "active"},
        {"status": "suspended"},
    )
    shown = narrow(codes.says("audit", "AMY1"))
    assert any("status: active -> suspended" in line for line in shown)
    assert "channel_limits: mail 3" in "\n".join(shown)


def test_what_is_not_there_is_not_found(codes: Codes) -> None:
    for command in ("show", "audit", "link", "suspend", "reissue", "distribute", "expire"):
        assert codes.refuses(3, command, "NONE").startswith("error: ")
    assert codes.refuses(3, "revoke", "--prefix", "NONE", "--yes").startswith("error: ")
    assert codes.refuses(3, "format", "retire", "none").startswith("error: ")
    assert codes.refuses(2, "change", "NONE").startswith("error: say what is to be changed")


def test_many_are_acted_on_once_somebody_agrees(codes: Codes) -> None:
    for code in ("A1", "A2", "B1"):
        codes.run("add", code, "--campaign", "spring")
    assert codes.refuses(2, "revoke", "--prefix", "A") == (
        "error: this would revoke 2 codes; give --yes to do so without asking\n"
    )
    codes.refuses(2, "revoke", "A1", "--prefix", "A")
    codes.refuses(2, "revoke")
    assert codes.says("suspend", "--prefix", "A", "--yes", "--reason", "leaked") == (
        "suspended: 2 of 2 codes; the others stand as they did\n"
    )
    assert codes.says("suspend", "--campaign", "spring", "-y") == (
        "suspended: 1 of 3 codes; the others stand as they did\n"
    )
    assert {row["status"] for row in codes.rows("list")} == {"suspended"}
    lines = [codes.rows("audit", code)[-1] for code in ("A1", "A2")]
    assert {one["reason"] for one in lines} == {"leaked"}
    assert len({one["batch_id"] for one in lines}) == 1
    codes.run("reactivate", "--campaign", "spring", "-y")
    codes.run("revoke", "B1")
    done = codes.run("distribute", "--campaign", "spring", "--channel", "mail", "-y", exit_code=1)
    assert done.stdout == "distribute: 2 done, 1 refused\n"
    assert done.stderr == "code B1 is revoked, and can't be handed out\n"
    replaced = codes.says("reissue", "--prefix", "A", "-y").splitlines()
    assert [line[:5] for line in replaced] == ["A1 ->", "A2 ->", "reiss"]
    assert len(codes.rows("list", "--status", "active")) == 2


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


def test_a_code_is_named_in_any_case_and_shown_as_registered(codes: Codes) -> None:
    codes.run("add", " Amy-B ", "--owner", "amy", "--campaign", "spring")
    assert "is the code Amy-B" in codes.refuses(
        4, "add", "AMY-B", "--owner", "amy", "--campaign", "spring"
    )
    codes.run("issue", "--campaign", "spring", "--chosen", "amy-b", exit_code=4)
    assert json.loads(codes.says("show", "aMY-b", "-o", "json"))["code"] == "Amy-B"
    assert "the code is valid" in codes.says("verify", "AMY-B ")
    assert "ref=Amy-B" in codes.says("link", "amy-b", "--landing", "https://shop.example/")
    codes.run("suspend", "AMY-B", "--reason", "asked to")
    assert [row["act"] for row in codes.rows("audit", "amy-b")] == ["issued", "suspended"]
    assert [row["code"] for row in codes.rows("list", "--prefix", "AMY")] == ["Amy-B"]


def test_links_and_their_qr_codes(codes: Codes) -> None:
    codes.run("add", "AMY1", "--campaign", "spring")
    assert codes.says("link", "amy1") == "https://go.example/r/AMY1\n"
    landing = ("--landing", "https://shop.example/start?lang=de&ref=x")
    shared = "https://shop.example/start?lang=de&ref=AMY1"
    assert codes.says("link", "AMY1", *landing, "--qr", "q.png").strip() == shared
    codes.run("link", "AMY1", *landing, "--qr", "q.svg")
    assert (codes.directory / "q.png").read_bytes().startswith(b"\x89PNG")
    expected = BytesIO()
    segno.make_qr(shared, error="m").save(expected, kind="svg", scale=8, border=4)
    assert (codes.directory / "q.svg").read_bytes() == expected.getvalue()
    with pytest.raises(ExpectedError, match=r"must end with \.png or \.svg"):
        codes.run("link", "AMY1", "--qr", "q.gif")
    with pytest.raises(ExpectedError, match="is not an address"):
        codes.run("link", "AMY1", "--landing", "shop.example")
    codes.run("suspend", "AMY1")
    assert codes.refuses(5, "link", "AMY1") == "error: the code is suspended for now\n"


def test_lists_and_formats_fit_80_columns(
    codes: Codes, happened: Callable[[dict[str, Any]], None]
) -> None:
    happened({"clicks": 7, "users_rewarded": 2})
    add = ("--campaign", "spring", "--expires-at", "2030-01-01T00:00:00Z", "--max-uses", "3")
    for number in range(3):
        codes.run("add", f"A-RATHER-LONG-CODE-{number}", "--owner", "amy", *add)
    lines = narrow(codes.says("list", "--limit", "2"))
    assert lines[0].split() == [
        "code", "campaign", "owner", "status", "expires", "handed", "out", "max", "uses",
    ]  # fmt: skip
    assert "there are more than 2" in codes.run("list", "--limit", "2").stderr
    assert "there are more" not in codes.run("list", "--limit", "3").stderr
    shown = narrow(codes.says("show", "A-RATHER-LONG-CODE-0"))
    values = dict(re.split(r":\s+", line, maxsplit=1) for line in shown)
    assert (values["expires_at"], values["uses_left"]) == ("2030-01-01 00:00:00Z", "1")
    assert (values["clicks"], values["channels"]) == ("7", "-")
    codes.run("format", "define", "spr", "--derived", "--campaign", "spring",
              "--pattern", "SPR{body:9}{check}")  # fmt: skip
    assert narrow(codes.says("format", "list"))[0].startswith("name kind")
    codes.run("format", "retire", "spr")
    assert codes.rows("format", "list")[0]["status"] == "retired"
    rows = csv.DictReader(StringIO(codes.says("list", "-o", "csv")))
    assert [row["code"] for row in rows] == [f"A-RATHER-LONG-CODE-{number}" for number in range(3)]


def test_used_up_is_what_the_reports_say(
    codes: Codes, happened: Callable[[dict[str, Any]], None]
) -> None:
    codes.run("add", "AMY1", "--campaign", "spring", "--max-uses", "2")
    happened({"users_rewarded": 1})
    assert codes.says("verify", "AMY1") == "the code is valid\n"
    happened({"users_rewarded": 2})
    answer = codes.run("verify", "AMY1", "-o", "json", exit_code=1).stdout
    assert json.loads(answer)["answer"] == "used_up"


def test_the_review_prints_what_to_look_at(
    codes: Codes, happened: Callable[[dict[str, Any]], None]
) -> None:
    for name, *terms in (
        ("SOON", "--expires-at", "2026-12-01T00:00:00Z"),
        ("OLD", "--created-at", "2020-01-01T00:00:00Z"),
        ("FULL", "--max-uses", "10", "--created-at", "2020-01-01T00:00:00Z"),
        ("BUSY", "--owner", "bob"),
    ):
        codes.run("add", name, "--campaign", "spring", *terms)
    codes.run("change", "SOON", "--expires-at", "2100-01-01T00:00:00Z")
    codes.run("distribute", "BUSY", "--count", "2")
    used = {"clicks": 50, "attributed": 40, "users_rewarded": 0, "users_rejected": 0}
    guesses = {"format": "spr", "prefix": "SPR", "campaign_id": "spring", "forged": 120,
               "forged_codes": 119, "addresses": 2, "mistyped": 3, "malformed": 4,
               "retired": 0}  # fmt: skip
    happened(
        {
            "activity": [
                {"code": "FULL", **used, "users_rewarded": 9},
                {"code": "BUSY", **used, "users_rewarded": 20, "users_rejected": 30},
            ],
            "guesses": [guesses],
        }
    )
    text = codes.says("review")
    lines = narrow(text)
    assert "Unused: hand them out, or revoke them" in lines
    assert "spring" in text
    assert lines[-1] == "0 expiring, 1 unused, 1 overused, 3 suspicious."
    found = {(one["concern"], one["subject"], one["why"]) for one in codes.rows("review")}
    assert ("overused", "FULL", "uses: 9 of 10") in found
    assert ("suspicious", "BUSY", "20 uses, handed out 2 times: 10.0 for each") in found
    assert ("suspicious", "BUSY", "30 of 50 who claimed were rejected") in found
    assert (
        "suspicious",
        "SPR",
        "120 forged codes of format spr were tried, from 2 addresses",
    ) in found
    only = codes.rows("review", "--only", "unused")
    assert [(one["subject"], one["figures"]["distributed"]) for one in only] == [("OLD", 0)]
    assert codes.says("review", "--prefix", "NONE", "--forged", "1000") == "Nothing to look at.\n"
    table = list(csv.DictReader(StringIO(codes.says("review", "-o", "csv"))))
    assert json.loads(table[0]["figures"])["forged"] == 120


def test_the_review_says_when_the_reports_are_silent(codes: Codes) -> None:
    codes.run("add", "OLD", "--campaign", "spring", "--created-at", "2020-01-01T00:00:00Z",
              "--max-distributes", "1")  # fmt: skip
    codes.run("distribute", "OLD")
    done = codes.run("review")
    assert "0 expiring, 0 unused, 1 overused, 0 suspicious." in done.stdout
    assert "The reports did not answer" in done.stdout
    assert done.stderr.startswith("without figures of use: the reports URL is not known")


def test_the_commands_of_the_page_work(codes: Codes) -> None:
    (codes.directory / "old.csv").write_text("voucher,owner\nOLD1,amy\nOLD2,bob\n")
    page = Path(package.__file__).with_name("README.md").read_text("utf-8")
    [shown] = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    lines = [line.removeprefix("$ reftrail codes ") for line in shown.splitlines()]
    assert len(lines) > 20
    for line in lines:
        codes.run(*shlex.split(line, comments=True))
    whole = get_command(codes.app)
    assert isinstance(whole, TyperGroup)
    group = whole.commands["codes"]
    assert isinstance(group, TyperGroup)
    used = {line.split()[0] for line in lines}
    assert group.commands.keys() - used <= {"add", "bind", "expire"}
