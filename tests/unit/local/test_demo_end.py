"""The end of a demo: at once, or when it is interrupted."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

import pytest
from rich.console import Console

from reftrail.contracts.errors import ExpectedError
from reftrail.local import demo
from reftrail.local.demo import DemoSettings, run_demo


class Played:
    """A stack that runs without hosts."""

    failure: Exception | None = None

    def __init__(self, settings: Any, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.is_up = False
        self.ready = SimpleNamespace(
            collector_url="", reports_url="", bootstrap_servers="", secret_key=""
        )
        Played.last = self

    last: "Played"

    def __enter__(self) -> Self:
        self.is_up = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_up = False


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(demo, "Stack", Played)
    monkeypatch.setattr(demo, "_play", lambda *_: None)
    return Console(record=True)


@pytest.mark.parametrize("is_equal", [True, False])
def test_it_ends_by_itself_and_says_whether_all_is_equal(
    console: Console, monkeypatch: pytest.MonkeyPatch, is_equal: bool
) -> None:
    monkeypatch.setattr(demo, "_prove", lambda *_: is_equal)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waits"))
    assert run_demo(DemoSettings(events=10), console) is is_equal
    assert not Played.last.is_up
    assert not Played.last.settings.data_dir.exists()
    assert "stopping" in console.export_text()


def test_kept_up_it_ends_when_it_is_interrupted(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        assert Played.last.is_up
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_prove", lambda *_: True)
    monkeypatch.setattr("time.sleep", interrupted)
    assert run_demo(DemoSettings(events=10, keep=True), console)
    assert not Played.last.is_up


def test_kept_up_it_ends_with_its_stack(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: float) -> None:
        Played.last.failure = ExpectedError("the warehouse ended 8 times")

    monkeypatch.setattr(demo, "_prove", lambda *_: True)
    monkeypatch.setattr("time.sleep", fail)
    with pytest.raises(ExpectedError, match="the warehouse ended 8 times"):
        run_demo(DemoSettings(events=10, keep=True), console)
