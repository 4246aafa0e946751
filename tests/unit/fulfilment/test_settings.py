"""Settings that are needed, and values that are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from reftrail.fulfilment.settings import FulfilmentKind, FulfilmentSettings

ALL = {
    "bootstrap_servers": "kafka:9092",
    "fulfilment_journal": "journal.sqlite",
    "fulfilment_webhook_url": "https://pay.example/reftrail",
    "fulfilment_signing_secrets": "x" * 32 + ", " + "y" * 32,
    "fulfilment_carrier_url": "https://carrier.example",
    "fulfilment_carrier_key": "key",
}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ALL.items():
        monkeypatch.setenv(f"REFTRAIL_{name.upper()}", value)
    return monkeypatch


def settings() -> FulfilmentSettings:
    return FulfilmentSettings()


def test_installations_on_one_cluster_have_groups_of_their_own(
    variables: pytest.MonkeyPatch,
) -> None:
    assert settings().fulfilment_group == "referral.fulfilment"
    variables.setenv("REFTRAIL_TOPIC_PREFIX", "shop.")
    assert settings().fulfilment_group == "shop.fulfilment"


def test_all_kinds_are_fulfilled_unless_said_otherwise(variables: pytest.MonkeyPatch) -> None:
    assert settings().fulfilment_kinds == tuple(FulfilmentKind)
    assert [s.get_secret_value()[0] for s in settings().fulfilment_signing_secrets] == ["x", "y"]
    variables.setenv("REFTRAIL_FULFILMENT_KINDS", "code, shipment")
    assert settings().fulfilment_kinds == (FulfilmentKind.CODE, FulfilmentKind.SHIPMENT)


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        ("fulfilment_webhook_url", "credit"),
        ("fulfilment_signing_secrets", "credit"),
        ("fulfilment_carrier_url", "shipment"),
        ("fulfilment_carrier_key", "shipment"),
    ],
)
def test_each_kind_needs_its_own(variables: pytest.MonkeyPatch, missing: str, kind: str) -> None:
    variables.delenv(f"REFTRAIL_{missing.upper()}")
    with pytest.raises(ValidationError, match=f"{kind} needs REFTRAIL_{missing.upper()}; set them"):
        settings()
    variables.setenv("REFTRAIL_FULFILMENT_KINDS", "code")
    settings()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("fulfilment_signing_secrets", "short", "at least 32 characters"),
        ("fulfilment_webhook_url", "http://pay.example", "must be https"),
        ("fulfilment_carrier_url", "http://10.0.0.1", "must be https"),
        ("fulfilment_kinds", "credit,points", "Input should be"),
        ("fulfilment_kinds", "payout", "Input should be"),
        ("fulfilment_concurrency", "0", "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused(
    variables: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    variables.setenv(f"REFTRAIL_{name.upper()}", value)
    with pytest.raises(ValidationError, match=why):
        settings()


@pytest.mark.parametrize("url", ["http://127.0.0.1:6070", "http://localhost:1", "http://[::1]:2"])
def test_on_this_machine_http_will_do(variables: pytest.MonkeyPatch, url: str) -> None:
    variables.setenv("REFTRAIL_FULFILMENT_WEBHOOK_URL", url)
    settings()


def test_secrets_are_not_shown() -> None:
    shown: Any = repr(settings())
    assert "xxxx" not in shown
    assert "'key'" not in shown
