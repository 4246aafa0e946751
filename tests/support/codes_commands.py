"""Commands about codes, as tests call them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer import Typer
from typer.testing import CliRunner, Result


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


def narrow(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    return lines
