"""The variables of the composed hosts are those that the hosts read."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from reftrail.codes.settings import CodesSettings
from reftrail.collector.settings import CollectorSettings
from reftrail.engine.settings import WorkerSettings
from reftrail.fulfilment.settings import FulfilmentSettings
from reftrail.warehouse.settings import WarehouseSettings

EXAMPLE = Path(__file__).parents[3] / "infra" / "compose" / "example.env"
HOSTS = (CodesSettings, CollectorSettings, WorkerSettings, WarehouseSettings, FulfilmentSettings)


def given() -> set[str]:
    names = [line.partition("=")[0] for line in EXAMPLE.read_text().splitlines()]
    return {name[len("REFTRAIL_") :].lower() for name in names if name.startswith("REFTRAIL_")}


def test_every_variable_is_read_by_a_host() -> None:
    assert not given() - {field for host in HOSTS for field in host.model_fields}


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_has_what_it_needs(host: type[BaseSettings]) -> None:
    needed = {name for name, field in host.model_fields.items() if field.is_required()}
    assert not needed - given()
