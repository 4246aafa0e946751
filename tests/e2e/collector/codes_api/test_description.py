"""The README and the OpenAPI description name every route, and tell the truth."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
from support.collector import PUBLISHABLE, SECRET, RunningCollector

from reftrail import collector as collector_host

README = Path(collector_host.__file__).with_name("README.md").read_text("utf-8")


def test_what_the_readme_shows_is_what_happens(collector: RunningCollector) -> None:
    environment = os.environ | {"URL": collector.url, "SK": SECRET, "PK": PUBLISHABLE}
    shown = re.findall(r"```sh\n(.*?)```\n```json\n(.*?)```", README, re.DOTALL)
    assert len(shown) == README.count("```sh")
    for commands, expected in shown:
        done = subprocess.run(
            ["/bin/sh", "-e"],
            input=commands,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        last = done.stdout.replace("}{", "}\n{").splitlines()[-1]
        assert_holds(json.loads(last), json.loads(expected), commands)


def assert_holds(found: Any, expected: Any, where: str) -> None:
    """Assert that expected fields are there, beside others; … matches anything."""
    match expected:
        case "…":
            pass
        case dict():
            assert expected.keys() <= found.keys(), (where, found)
            for name, value in expected.items():
                assert_holds(found[name], value, f"{where} {name}")
        case list():
            assert len(found) == len(expected), (where, found)
            for code, other in zip(found, expected, strict=True):
                assert_holds(code, other, where)
        case _:
            assert found == expected, where


def test_the_readme_names_every_route(api: httpx.Client) -> None:
    for path in api.get("/v1/openapi.json").json()["paths"]:
        assert f"{path}`" in README, path


def test_the_description_names_every_route(api: httpx.Client) -> None:
    described = api.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert {"/v1/codes", "/v1/codes/verify", "/v1/codes/{code}/reissue"} <= set(described["paths"])
    text = json.dumps(described)
    for reference in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert reference in described["components"]["schemas"]
