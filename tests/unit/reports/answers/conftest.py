"""Reports that answer of facts and views which a test sets."""

from unittest.mock import Mock

import pytest
from clickhouse_connect.driver.client import Client
from support.report_answers import Clock, Facts, Views, Warehouse

from reftrail.reports import answers as answers_module
from reftrail.reports.answers import ReportAnswers
from reftrail.reports.kept_answers import KeptAnswers
from reftrail.reports.turns import Turns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def facts(clock: Clock) -> Facts:
    return Facts(clock)


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Warehouse:
    made = Warehouse(clock)
    monkeypatch.setattr(answers_module, "ask", made.ask)
    return made


@pytest.fixture
def answers(clock: Clock, facts: Facts, warehouse: Warehouse) -> ReportAnswers:
    del warehouse
    turns = Turns("test", 2)
    return ReportAnswers(Mock(Client), Views(), facts, turns, KeptAnswers(clock))
