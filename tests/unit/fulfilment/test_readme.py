"""The page against the code."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined
from support.fulfilment import SECRET, an_order

from reftrail.fulfilment import partners
from reftrail.fulfilment.metrics import FulfilmentMetrics
from reftrail.fulfilment.partners.settings import PartnersSettings
from reftrail.fulfilment.settings import FulfilmentSettings
from reftrail.fulfilment.signature import sign
from reftrail.fulfilment.webhook import body_of

PAGE = (Path(partners.__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
OWN = {
    name: field
    for name, field in FulfilmentSettings.model_fields.items()
    if name.startswith("fulfilment_")
}


def documented() -> dict[str, str]:
    """Each variable's default, as the table says it."""
    rows = [line.split("|")[1:3] for line in PAGE.splitlines() if line.startswith("| `REFTRAIL_")]
    found: dict[str, str] = {}
    for names, defaults in rows:
        values = [part.strip().strip("`") for part in re.split(r"`, `", defaults)]
        found |= dict(zip(re.findall(r"`(\w+)`", names), values, strict=True))
    return found


def default_of(name: str) -> str:
    common = {"topic_prefix": FulfilmentSettings.model_fields["topic_prefix"].default}
    value: Any = OWN[name].get_default(call_default_factory=True, validated_data=common)
    if value in (PydanticUndefined, None, ()):
        return "none"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def test_every_setting_is_there_with_its_default() -> None:
    assert documented() == {f"REFTRAIL_{name.upper()}": default_of(name) for name in OWN}


def test_every_figure_is_there() -> None:
    metrics = FulfilmentMetrics()
    for counter in (metrics.fulfilled, metrics.failed, metrics.expired, metrics.retries):
        counter.labels("credit")
    lines = metrics.text().decode().splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    names = {name.removeprefix("reftrail_fulfilment_") for name in names}
    assert not {n for n in names if f"_{n}`" not in PAGE and not n.endswith("_created")}


def test_every_setting_of_the_partners_is_there() -> None:
    for name in PartnersSettings.model_fields:
        if name not in {"host", "seed", "takes_seconds"}:
            assert f"_{name.upper()}" in PAGE, name


class Accounts:
    def credit(self, reward_id: str, beneficiary: str, value_micros: int) -> str:
        return f"{beneficiary} {value_micros}"


def test_the_receiver_of_the_page_receives() -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLES[0], names)
    body = body_of(an_order(1))
    signature = sign(body, [SECRET], int(time.time()))
    status, answer = names["receive"](signature, body, [SECRET], Accounts())
    assert (status, answer) == (200, {"reference": f"{an_order(1).beneficiary} 5000000"})
    status, answer = names["receive"](signature, body, ["another"], Accounts())
    assert status == 401


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_python(example: str) -> None:
    compile(example, "README.md", "exec")
