"""The walk-through of the documentation, followed command by command.

The rules decide on the orders that the page tells of; Kafka is a log in memory.
"""

import re
import shlex
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from support.payouts import MemoryPayouts
from typer.testing import CliRunner

from reftrail.campaigns import next_version, read_campaigns
from reftrail.cli import payouts as commands
from reftrail.cli.main import command_line
from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Purchase, Refund, Signup
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.record import DAY, HOUR, Millis, Record
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, FULFILMENTS, REWARDS
from reftrail.payouts import parse_period
from reftrail.testing import MemoryHost, code

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "sinks" / "reftrail" / "payouts" / "README.md"
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEW_YEAR: Final = parse_period("2026-01").start


class Command(NamedTuple):
    """A command of the page, and what it prints."""

    line: str
    output: str


class ProviderFile(NamedTuple):
    """A file that the page shows; its name is in the text before it."""

    name: str
    text: str


def day(month: int, number: int) -> Millis:
    return parse_period(f"2026-{month:02}").start + (number - 1) * DAY + 10 * HOUR


def times(name: str, at: Millis) -> dict[str, Any]:
    return {"event_id": name, "event_time": at, "received_at": at}


def order(customer: str, under: str, at: Millis) -> Iterator[Record]:
    """A customer signs up by a code and buys for 80 euros."""
    named: dict[str, Any] = {"code": under, "code_known": True, "campaign_id": "affiliate"}
    yield Signup(**times(f"{customer} signup", at - HOUR), user_id=customer, **named)
    bought: dict[str, Any] = {"user_id": customer, "order_id": f"{customer}-1"}
    money: dict[str, Any] = {"amount_micros": 80_000_000, "currency": "EUR"}
    yield Purchase(**times(f"{customer} purchase", at), **bought, **money)


def refund(customer: str, at: Millis, micros: int | None = None) -> Record:
    given: dict[str, Any] = {"user_id": customer, "order_id": f"{customer}-1"}
    return Refund(**times(f"{customer} refund", at), **given, amount_micros=micros)


class Affiliates:
    """The programme that the page tells of. What happened in a month comes before its commands."""

    def __init__(self) -> None:
        self.host = MemoryHost(wire=False)
        (campaign,) = read_campaigns(ROOT / "examples" / "campaigns" / "affiliate.toml")
        self.host.publish(CAMPAIGNS, next_version(campaign, None, _NEW_YEAR - 90 * DAY).defined)
        for owner in ("paula", "petra"):
            self.host.publish(CODES, code(owner.upper(), owner=owner, campaign_id="affiliate"))
        self.log = MemoryPayouts(self.entries, self._report)
        self._come(order("acme", "PAULA", day(1, 3)))
        self._come([refund("acme", day(1, 9), 40_000_000)])
        self._come(order("bolt", "PAULA", day(1, 5)))
        self._come(order("coil", "PAULA", day(1, 9)))
        self._come(order("dyne", "PETRA", day(1, 9)))
        self._come(order("east", "PAULA", day(2, 12)))
        self._come(order("fern", "PAULA", day(2, 14)))
        self._come(order("gray", "PAULA", day(2, 15)))

    def entries(self) -> Sequence[RewardDecided]:
        return [entry for entry in self.host.log(REWARDS) if isinstance(entry, RewardDecided)]

    def before(self, command: str) -> None:
        """In March bolt's order comes back, after it was paid for."""
        if "prepare --period 2026-03 " in command:
            self._come([refund("bolt", day(3, 20))])

    def _report(self, reports: Sequence[FulfilmentReported]) -> None:
        self.host.publish(FULFILMENTS, *reports)
        self.host.run()

    def _come(self, events: Any) -> None:
        self.host.publish(EVENTS, *events)
        self.host.run()


def steps() -> list[Command | ProviderFile]:
    """The page's commands about pay-outs and the providers' files, in order."""
    text = PAGE.read_text("utf-8")
    found: list[Command | ProviderFile] = []
    for block in _BLOCK.finditer(text):
        if block[1] == "csv":
            (*_, name) = re.findall(r"`([\w.-]+\.csv)`", text[: block.start()])
            found.append(ProviderFile(name, block[2]))
        for line in block[2].split("$ ")[1:] if not block[1] else ():
            command, _, output = line.partition("\n")
            if command.startswith("reftrail payouts "):
                found.append(Command(command, output))
    return found


def test_the_walk_through_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    affiliates = Affiliates()

    @contextmanager
    def writer(_: object, *, with_reports: bool = False) -> Iterator[MemoryPayouts]:
        yield affiliates.log

    monkeypatch.setattr(commands, "payout_writer", writer)
    monkeypatch.setattr(commands, "PayoutLog", lambda _: affiliates.log)
    monkeypatch.setattr(commands, "installation_at", lambda *_: None)
    monkeypatch.setattr(commands, "now", lambda: day(5, 2))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "payees.csv").write_text((ROOT / "examples/payouts/payees.csv").read_text())

    for step in steps():
        match step:
            case ProviderFile(name, text):
                file = tmp_path / name
                if file.exists():
                    assert file.read_text() == text, f"{name} is not as the page shows it"
                    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "it has payment details"
                file.write_text(text)
            case Command(line, output):
                affiliates.before(line)
                arguments = shlex.split(line.replace("\\\n", ""))[1:]
                done = CliRunner().invoke(
                    command_line(("payouts",)), arguments, catch_exceptions=False
                )
                print(f"$ {line}\n{done.output}")  # noqa: T201 - what the page would have to say
                assert done.output == output, line
    written = b"".join(map(encode, [*affiliates.log.records, *affiliates.host.log(FULFILMENTS)]))
    assert b"paula" in written
    for detail in (b"Paula Partner", b"partner.example", b"DE89370400440532013000", b"COBADEFFXXX"):
        assert detail not in written, "payment details stay in files"
    assert [step for step in steps() if isinstance(step, Command)] != []
