"""`reftrail codes` on a store of its own, without Kafka or reports, read at 80 columns."""

import csv
import json
import re
import shlex
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import segno
from support.codes_commands import Codes, narrow
from typer.core import TyperGroup
from typer.main import get_command

from reftrail import codes as package
from reftrail.contracts.errors import ExpectedError


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
    actual = codes.says("change", "AMY1", "--max-distributes", "5", "--channel-limit", "mail=3")
    assert actual == "AMY1: max_distributes 5, channel_limits mail 3\n"
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
    assert [act["act"] for act in acts] == [
        "issued", "bound", "changed", "changed", "distributed", "suspended", "reactivated",
        acts[-1]["act"],
    ]  # fmt: skip
    assert {act["actor"] for act in acts} == {"amy"}
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
    assert {line["reason"] for line in lines} == {"leaked"}
    assert len({line["batch_id"] for line in lines}) == 1
    codes.run("reactivate", "--campaign", "spring", "-y")
    codes.run("revoke", "B1")
    done = codes.run("distribute", "--campaign", "spring", "--channel", "mail", "-y", exit_code=1)
    assert done.stdout == "distribute: 2 done, 1 refused\n"
    assert done.stderr == "code B1 is revoked, and can't be handed out\n"
    replaced = codes.says("reissue", "--prefix", "A", "-y").splitlines()
    assert [line[:5] for line in replaced] == ["A1 ->", "A2 ->", "reiss"]
    assert len(codes.rows("list", "--status", "active")) == 2


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
