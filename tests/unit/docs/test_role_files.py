"""Every host has the same role files, and a composition root that reads like the others."""

import ast
from pathlib import Path

import pytest
from support.syntax import parsed

ROOT = Path(__file__).parents[3]
HOSTS = (
    "producers/reftrail/collector",
    "producers/reftrail/codes/host",
    "sinks/reftrail/warehouse",
    "sinks/reftrail/fulfilment",
    "sinks/reftrail/webhooks",
)
ROLES = ("main.py", "settings.py", "http.py", "metrics.py")


def calls(function: ast.AST) -> set[str]:
    """The names of the functions that a function calls."""
    return {
        node.func.id
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_has_the_role_files(host: str) -> None:
    assert [role for role in ROLES if not (ROOT / host / role).is_file()] == []


@pytest.mark.parametrize("host", HOSTS)
def test_a_composition_root_reads_like_the_others(host: str) -> None:
    tree = parsed((ROOT / host / "main.py").read_text("utf-8"))
    docstring = " ".join((ast.get_docstring(tree) or "").split()) + " "
    assert docstring.startswith("Composition root of ")
    assert all(part in docstring for part in ("Input: ", "Output: ", "Guarantee: "))
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert list(functions)[:2] == ["main", "run"]
    assert calls(functions["main"]) >= {"run_host"}
    assert calls(functions["run"]) >= {"stop_on_signals", "run_until_stopped"}
