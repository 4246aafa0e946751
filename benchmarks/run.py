"""All benchmarks, one after the other: a table, and build/bench.json.

    make bench [ARGS="--only first_touch,state"]

Each runs as a process of its own, so that none inherits another's memory or threads.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reftrail.local.held_process import output_of
from reftrail.local.interrupts import interrupt_on_signals

HERE = Path(__file__).parent
OUT = HERE.parent / "build" / "bench.json"
BENCHMARKS = (
    "first_touch",
    "pipeline",
    "collector",
    "latency",
    "state",
    "warehouse",
    "codec",
    "codes",
    "orders",
    "merges",
)
# What the project asks of itself; figures without a bound are for information.
BOUNDS = {
    "first_touch_events_per_s": (">=", 120_000),
    "first_touch_ratio": (">=", 30),
    "pipeline_events_per_s": (">=", 40_000),
    "collector_events_per_s": (">=", 10_000),
    "signup_to_grant_p50_ms": ("<=", 100),
    "signup_to_grant_p99_ms": ("<=", 400),
    "claims_300_p99_ms": ("<=", 1_000),
    "restore_keys_per_s": (">=", 150_000),
    "orders_first_purchase_ratio": ("<=", 2),
    "orders_first_purchase_once_ratio": ("<=", 2),
    "orders_nth_purchase_ratio": ("<=", 2),
    "orders_amount_reached_ratio": ("<=", 2),
    "waiting_changelog_growth": ("<=", 1.1),
    "waiting_lasting_bytes_per_customer": ("<=", 100),
    "merges_ratio": ("<=", 2),
}


def main() -> None:
    """Run what was asked for and write down what it said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="some of them, by comma")
    interrupt_on_signals()
    figures: dict[str, float] = {"load_average_before": os.getloadavg()[0]}
    console = Console()
    for name in parser.parse_args().only.split(","):
        console.print(f"{name} ...")
        figures |= _run(name)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n")
    console.print(_table(figures))
    console.print(f"written to {OUT.relative_to(HERE.parent)}")


def _run(name: str) -> dict[str, float]:
    """The figures that a benchmark prints as JSON in its last line."""
    output = output_of([sys.executable, str(HERE / f"{name}.py")])
    found: dict[str, float] = json.loads(output.decode().splitlines()[-1])
    return found


def _table(figures: dict[str, float]) -> Table:
    table = Table("figure", "value", "asked for", "", title="Benchmarks")
    for name, value in figures.items():
        relation, bound = BOUNDS.get(name, ("", None))
        asked = f"{relation} {bound:,}" if bound is not None else ""
        table.add_row(name, f"{value:,.1f}", asked, _verdict(value, relation, bound))
    return table


def _verdict(value: float, relation: str, bound: float | None) -> str:
    if bound is None:
        return ""
    return "ok" if (value >= bound if relation == ">=" else value <= bound) else "missed"


if __name__ == "__main__":
    main()
