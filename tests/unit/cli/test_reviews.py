"""`reftrail reviews`: a decision names the code as it is registered, whatever was typed."""

from collections.abc import Iterable
from typing import Any, Self

import pytest
from typer.testing import CliRunner

from reftrail.cli import code_spelling, reviews
from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import Reviewed


class Reports:
    """Reports that know the code Amy, or that don't answer."""

    answer = True

    def __init__(self, url: str, secret_key: str) -> None:
        assert (url, secret_key) == ("http://reports", "sk")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def journey(self, code: str, user_id: str) -> dict[str, Any]:
        assert user_id == "uma"
        if not self.answer:
            raise ExpectedError("the reports do not answer")
        return {"code": {"code": "Amy"} if code.strip().upper() == "AMY" else None}


@pytest.mark.parametrize(
    ("typed", "answer", "spelling"),
    [(" amy ", True, "Amy"), ("AMY", True, "Amy"), (" bob", True, "bob"), ("AMY", False, "AMY")],
)
def test_a_decision_is_on_the_registered_spelling(
    monkeypatch: pytest.MonkeyPatch, typed: str, answer: bool, spelling: str
) -> None:
    written: list[Reviewed] = []

    def write(_: object, __: object, records: Iterable[Reviewed]) -> None:
        written.extend(records)

    monkeypatch.setattr(reviews, "write", write)
    monkeypatch.setattr(code_spelling, "ReportsClient", Reports)
    monkeypatch.setattr(Reports, "answer", answer)
    known = {
        "REFTRAIL_REPORTS_URL": "http://reports",
        "REFTRAIL_SECRET_KEY": "sk",
        "REFTRAIL_BOOTSTRAP_SERVERS": "nowhere:1",
        "REFTRAIL_TOPIC_PREFIX": "",
    }
    app = command_line(("reviews",))
    done = CliRunner().invoke(app, ["reviews", "decline", typed, "uma"], env=known)
    assert done.exit_code == 0, done.output
    assert [(review.code, review.user_id, review.decision) for review in written] == [
        (spelling, "uma", "decline")
    ]
    assert f"decline: {spelling} uma" in done.stdout
