"""Files: read, mapped, sent, interrupted and sent again."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftrail.client import Event, Receipt, Rejected
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.edge.pseudonyms import HashKey, pseudonyms
from reftrail.ingestion import FileMapping, IngestOutcome, Plan, ingest, read_mapping
from reftrail.ingestion.lines import LineFormat, format_of, read_lines


class Sink:
    """Takes events as the collector does: an id counts once. Breaks down on demand."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.breaks_after = -1

    def send(self, events: Sequence[Event]) -> Receipt:
        if self.breaks_after == 0:
            raise ConnectionError
        self.breaks_after -= 1
        self.events += events
        bad = [index for index, event in enumerate(events) if event.get("visitor_id") == "bad"]
        return Receipt(
            len(events) - len(bad), tuple(Rejected(index, "/visitor_id", "bad") for index in bad)
        )

    @property
    def ids(self) -> list[str]:
        return [event["event_id"] for event in self.events]


def run(file: Path, sink: Sink, **plan: Any) -> IngestOutcome:
    given_plan = Plan(file, file.with_name("rejected"), **{"batch": 10} | plan)
    return ingest(given_plan, sink.send, lambda _: None)


def rejected(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.with_name("rejected").read_text().splitlines()]


def lines_of(count: int, bad: Sequence[int] = ()) -> bytes:
    return b"".join(
        json.dumps({"type": "view", "visitor_id": "bad" if n in bad else f"v{n}"}).encode() + b"\n"
        for n in range(count)
    )


def test_json_lines_are_sent_in_order(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines_of(25, bad=[3]) + b"\nnot json\n[1]\n")
    sink = Sink()
    assert run(file, sink) == IngestOutcome(accepted=24, rejected=3, ignored=0, resumed_at=0)
    assert [e["visitor_id"] for e in sink.events if e["visitor_id"] != "bad"] == [
        f"v{n}" for n in range(25) if n != 3
    ]
    found = rejected(file)
    assert [(line["line"], line["pointer"]) for line in found] == [
        (4, "/visitor_id"),
        (27, ""),
        (28, ""),
    ]
    assert found[0]["content"] == {"type": "view", "visitor_id": "bad"}
    assert "is not JSON" in found[1]["reason"]
    assert not file.with_name("events.jsonl.ingest.json").exists()


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines_of(50, bad=[1, 31]))
    sink = Sink()
    sink.breaks_after = 2
    with pytest.raises(ConnectionError):
        run(file, sink)
    sink.breaks_after = -1
    outcome = run(file, sink)
    assert outcome == IngestOutcome(accepted=48, rejected=2, ignored=0, resumed_at=20)
    assert len(sink.ids) == len(set(sink.ids)) == 50
    assert [line["line"] for line in rejected(file)] == [2, 32]
    assert file.with_name("rejected").stat().st_mode & 0o777 == 0o600, "lines have e-mails"


def test_a_second_run_uses_the_same_ids_and_new_lines_new_ones(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines_of(30))
    first, second, grown = Sink(), Sink(), Sink()
    run(file, first)
    renamed = file.rename(tmp_path / "other.jsonl")
    run(renamed, second, batch=7)
    renamed.write_bytes(lines_of(31))
    run(renamed, grown)
    assert first.ids == second.ids == grown.ids[:30]
    assert len(set(grown.ids)) == 31


def test_equal_lines_are_different_events(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"type": "view", "visitor_id": "v"}\n' * 5)
    sink = Sink()
    run(file, sink)
    assert len(set(sink.ids)) == 5


def test_an_id_of_its_own_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"type": "view", "visitor_id": "v", "event_id": "mine"}\n')
    sink = Sink()
    run(file, sink)
    assert sink.ids == ["mine"]


def test_a_file_that_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines_of(50))
    sink = Sink()
    sink.breaks_after = 1
    with pytest.raises(ConnectionError):
        run(file, sink)
    sink.breaks_after = -1
    file.write_bytes(lines_of(50, bad=[2]))
    with pytest.raises(ExpectedError, match="not what it was when its first 10 records"):
        run(file, sink)
    assert run(file, sink, resume=False).accepted == 49


def test_a_broken_checkpoint_is_told(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines_of(1))
    file.with_name("events.jsonl.ingest.json").write_text("{")
    with pytest.raises(ExpectedError, match="--no-resume"):
        run(file, Sink())


def test_csv_with_the_names_of_the_fields(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(
        '\ufefftype,visitor_id,code,properties\nview,v1,,"{""a"": 1}"\n'
        'click,"v,2",AMY1,\nview,"two\nlines",,\nview,v4\nview,v5,,{\n'
    )
    sink = Sink()
    run(file, sink)
    without_ids = [{k: v for k, v in e.items() if k != "event_id"} for e in sink.events]
    assert without_ids == [
        {"type": "view", "visitor_id": "v1", "properties": {"a": 1}},
        {"type": "click", "visitor_id": "v,2", "code": "AMY1"},
        {"type": "view", "visitor_id": "two\nlines"},
    ]
    found = [(line["line"], line["pointer"]) for line in rejected(file)]
    assert found == [(6, ""), (7, "/properties")]
    assert "2 cells" in rejected(file)[0]["reason"]


MAPPING = """
[fields]
visitor_id = "client"
user_id = "client"
order_id = "bill"
amount = "total"
[constants]
source = "portal"
currency = "EUR"
[type]
column = "action"
values = { visit = "view", sale = "purchase" }
ignore = ["heartbeat"]
[time]
column = "when"
format = "%d.%m.%Y %H:%M"
timezone = "Europe/Berlin"
[properties]
page = "url"
[csv]
delimiter = ";"
encoding = "latin-1"
"""


def test_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    mapping = read_mapping(tmp_path / "map.toml")
    file = tmp_path / "shop.csv"
    file.write_bytes(
        "action;client;bill;total;when;url\n"
        "visit;Jürgen;;;01.07.2025 12:00;/a\n"
        "sale;b;B1;19.99;01.01.2025 12:00;\n"
        "heartbeat;c;;;;\n"
        "other;d;;;01.01.2025 12:00;\n"
        "visit;e;;;yesterday;\n".encode("latin-1")
    )
    sink = Sink()
    outcome = run(file, sink, mapping=mapping)
    assert outcome == IngestOutcome(accepted=2, rejected=2, ignored=1, resumed_at=0)
    first, second = sink.events
    assert {**first, "event_id": ""} == {
        "event_id": "",
        "type": "view",
        "visitor_id": "Jürgen",
        "user_id": "Jürgen",
        "source": "portal",
        "currency": "EUR",
        "event_time": "2025-07-01T10:00:00.000000+00:00",
        "properties": {"page": "/a"},
    }
    assert (second["amount"], second["event_time"]) == ("19.99", "2025-01-01T11:00:00.000000+00:00")
    found = rejected(file)
    assert [(line["line"], line["pointer"]) for line in found] == [(5, "/type"), (6, "/event_time")]
    assert "visit, sale, heartbeat" in found[0]["reason"]
    assert "%d.%m.%Y %H:%M" in found[1]["reason"]


@pytest.mark.parametrize(("total", "taken"), [("1980", True), ("1980.00", True), (19.99, False)])
def test_an_amount_of_a_file_is_judged_in_the_mappings_currency(total: Any, taken: bool) -> None:
    mapping = FileMapping(
        fields={"user_id": "user", "order_id": "bill", "amount": "total"},
        constants={"type": "purchase", "currency": "JPY"},
    )
    event = mapping.event({"user": "u", "bill": "b", "total": total})
    hashed = pseudonyms(HashKey("k", b"0" * 32))
    outcome = accept([event], Circumstances(Sender(KeyKind.SECRET), 1, hashed, None))
    assert [rejection.pointer for rejection in outcome.rejected] == ([] if taken else ["/amount"])


def event_time(given_time: str, **time: str) -> str:
    mapping = FileMapping.model_validate({"time": {"column": "t"} | time})
    event = mapping.event({"t": given_time})
    assert event is not None
    return str(event["event_time"])


def test_ways_to_write_a_time() -> None:
    noon = "2025-03-01T12:00:00.000000+00:00"
    assert event_time("2025-03-01T13:00:00+01:00") == noon
    assert event_time("2025-03-01 12:00", timezone="UTC") == noon
    assert event_time("1740830400", format="unix") == noon
    assert event_time("1740830400.25", format="unix")[:23] == "2025-03-01T12:00:00.250"
    assert event_time("1740830400000", format="unix_ms") == noon
    with pytest.raises(ValueError, match=r"no offset; give time\.timezone"):
        event_time("2025-03-01 12:00")
    for absurd in ("9" * 40, "NaN", ""):
        with pytest.raises(ValueError, match="not a time"):
            event_time(absurd, format="unix")


def test_json_columns_may_lie_in_objects() -> None:
    mapping = FileMapping(
        fields={"user_id": "customer.id", "amount": "total", "code": "dotted.name"}
    )
    record = {"customer": {"id": 7}, "total": 19.99, "dotted.name": "A", "dotted": {"name": "B"}}
    assert mapping.event(record) == {"user_id": "7", "amount": "19.99", "code": "A"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[fields]\nvisitor = 'a'\n", "visitor is not a field of an event"),
        ("[time]\ncolumn = 't'\ntimezone = 'Mars'\n", "time.timezone: Mars"),
        ("[csv]\nencoding = 'klingon'\n", "csv.encoding: klingon"),
        ("[csv]\nencoding = 'hex'\n", "csv.encoding: hex is not a text encoding"),
        ('[csv]\nencoding = "a\\u0000b"\n', "is not a text encoding"),
        ("[feilds]\n", "feilds"),
        ("[", "is not TOML"),
    ],
)
def test_a_mapping_with_a_fault(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "map.toml").write_text(content)
    with pytest.raises(ExpectedError) as caught:
        read_mapping(tmp_path / "map.toml")
    assert says in str(caught.value)


@pytest.mark.parametrize("header", ["a,a\n", "a,\n", "", '"a\n'])
def test_a_csv_file_without_a_header(tmp_path: Path, header: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(header)
    with pytest.raises(ExpectedError, match="must name its columns"):
        run(file, Sink())


def test_formats_go_by_the_suffix() -> None:
    assert format_of(Path("a.csv"), ";") == LineFormat(";")
    assert format_of(Path("a.TSV")) == LineFormat("\t")
    assert format_of(Path("a.jsonl")) == format_of(Path("a"), ";") == LineFormat(None)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_no_content_breaks_the_reading(content: bytes) -> None:
    assert all(line.number for line in read_lines(BytesIO(content), LineFormat(None)))
    assert all(line.number for line in read_lines(BytesIO(b"a,b\n" + content), LineFormat(",")))


@settings(max_examples=50)
@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 9), st.integers(0, 9))
def test_wherever_it_breaks_each_line_is_sent(
    tmp_path_factory: pytest.TempPathFactory, visitors: list[int], batch: int, breaks: int
) -> None:
    file = tmp_path_factory.mktemp("ingest") / "events.jsonl"
    file.write_bytes(
        b"".join(b'{"type": "view", "visitor_id": "%d"}\n' % visitor for visitor in visitors)
    )
    sink = Sink()
    sink.breaks_after = breaks
    try:
        run(file, sink, batch=batch)
    except ConnectionError:
        sink.breaks_after = -1
        run(file, sink, batch=batch)
    assert [int(event["visitor_id"]) for event in sink.events] == visitors
    assert len(set(sink.ids)) == len(visitors)
