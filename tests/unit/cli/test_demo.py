"""The exit code of the demo says what its comparison found."""

import pytest
from typer.testing import CliRunner

from reftrail.cli import demo
from reftrail.cli.main import command_line
from reftrail.local.demo import DemoSettings


@pytest.mark.parametrize(("is_equal", "exit_code"), [(True, 0), (False, 1)])
def test_exit_code(monkeypatch: pytest.MonkeyPatch, is_equal: bool, exit_code: int) -> None:
    asked: list[DemoSettings] = []

    def run_demo(settings: DemoSettings, console: object) -> bool:
        asked.append(settings)
        return is_equal

    monkeypatch.setattr(demo, "run_demo", run_demo)
    arguments = ["--events", "7", "--seed", "3", "--workers", "1", "--keep"]
    result = CliRunner().invoke(command_line(["demo"]), ["demo", *arguments])
    assert result.exit_code == exit_code
    assert asked == [DemoSettings(events=7, seed=3, workers=1, keep=True)]
