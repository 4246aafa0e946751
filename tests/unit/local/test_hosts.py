"""How the hosts of a stack are started."""

from pathlib import Path

import pytest

from reftrail.contracts.installation import Installation
from reftrail.local.data_dir import Keys
from reftrail.local.hosts import Place, fulfilment_host, partners_host


@pytest.fixture
def place(tmp_path: Path) -> Place:
    keys = Keys(**dict.fromkeys(Keys.__struct_fields__, "a key"))
    return Place(tmp_path, Installation(bootstrap_servers="kafka:9092"), keys, "group")


def test_fulfilment_asks_the_simulated_partners(place: Place) -> None:
    given = fulfilment_host(place, 1, partners_port=2).command.environment
    partners = partners_host(place, 2).command.environment
    assert given["REFTRAIL_FULFILMENT_WEBHOOK_URL"] == "http://127.0.0.1:2"
    assert given["REFTRAIL_FULFILMENT_CARRIER_URL"] == "http://127.0.0.1:2"
    secret = given["REFTRAIL_FULFILMENT_SIGNING_SECRETS"]
    assert secret == partners["REFTRAIL_PARTNERS_SIGNING_SECRETS"]
    assert secret
    assert len(secret) >= 32
    codes = given["REFTRAIL_FULFILMENT_CODES_FILE"]
    assert codes
    assert Path(codes).read_text().startswith("# Codes to hand out")


def test_fulfilment_asks_whom_the_environment_names(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFTRAIL_FULFILMENT_WEBHOOK_URL", "https://pay.example")
    given = fulfilment_host(place, 1, partners_port=2).command.environment
    assert "REFTRAIL_FULFILMENT_WEBHOOK_URL" not in given
    assert "REFTRAIL_FULFILMENT_SIGNING_SECRETS" not in given, "no secret of ours for a stranger"
    assert given["REFTRAIL_FULFILMENT_CARRIER_URL"] == "http://127.0.0.1:2"
