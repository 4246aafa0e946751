"""The worker's settings, and what its composition root makes of them."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from reftrail.contracts.record import DAY, HOUR
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.topology import TOPOLOGY, topology_with
from reftrail.engine.worker import WorkerApp, create_app
from reftrail.rules.attribution.bounds import Bounds
from reftrail.rules.attribution.decider import AttributionDecider

README = (Path(__file__).parents[3] / "infra" / "README.md").read_text()


def attribution_of(app: WorkerApp) -> AttributionDecider:
    decider = next(
        stage.decider for stage in app.work._stages.values() if stage.name == "attribution"
    )
    assert isinstance(decider, AttributionDecider)
    return decider


def signup_wait_of(app: WorkerApp) -> int:
    return attribution_of(app).signup_wait


def test_a_worker_waits_for_signups_as_long_as_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "nowhere:0")
    assert signup_wait_of(create_app(WorkerSettings.model_validate({}))) == 30 * DAY
    monkeypatch.setenv("REFTRAIL_SIGNUP_WAIT_DAYS", "0.5")
    assert signup_wait_of(create_app(WorkerSettings.model_validate({}))) == 12 * HOUR


def test_a_worker_decides_within_the_bounds_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "nowhere:0")
    assert attribution_of(create_app(WorkerSettings.model_validate({}))).bounds == Bounds()
    monkeypatch.setenv("REFTRAIL_WORKER_MOST_ENDED_REFERRALS", "40")
    monkeypatch.setenv("REFTRAIL_WORKER_MOST_REFERRAL_STEPS", "3000")
    app = create_app(WorkerSettings.model_validate({}))
    assert attribution_of(app).bounds == Bounds(most_ended=40, most_steps=3_000)


@pytest.mark.parametrize("name", ["worker_most_ended_referrals", "worker_most_referral_steps"])
@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", "10000000"])
def test_no_bound(name: str, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "nowhere:0")
    monkeypatch.setenv(f"REFTRAIL_{name.upper()}", number)
    with pytest.raises(ValidationError, match=name):
        WorkerSettings.model_validate({})


@pytest.mark.parametrize("days", ["0", "-1", "thirty", "1e9"])
def test_no_time_to_wait(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "nowhere:0")
    monkeypatch.setenv("REFTRAIL_SIGNUP_WAIT_DAYS", days)
    with pytest.raises(ValidationError, match="signup_wait_days"):
        WorkerSettings.model_validate({})


def test_only_the_stages_are_others_that_wait_so_long() -> None:
    changed = topology_with(signup_wait=1)
    assert [
        known.name for known, stage in zip(TOPOLOGY, changed, strict=True) if known is not stage
    ] == ["attribution", "limits"]


def test_every_setting_of_the_worker_is_documented() -> None:
    documented = set(re.findall(r"REFTRAIL_([A-Z_]+)", README.replace("`_PORT`", "")))
    documented |= {"WORKER_WEB_PORT"} if "`REFTRAIL_WORKER_WEB_HOST`, `_PORT`" in README else set()
    assert {name.upper() for name in WorkerSettings.model_fields} <= documented
