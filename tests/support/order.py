"""In which order the files of tests are run: those that take longest first.

Processes that share the tests file by file then end together, rather than one with a file of some
minutes that it began last. As measured by `--durations=0` on two cores.
"""

from pathlib import Path
from typing import Final

import pytest

LONGEST_FIRST: Final = (
    "integration/test_warehouse.py",
    "crash/test_controls.py",
    "crash/test_short.py",
    "e2e/test_demo.py",
    "e2e/test_code_batches.py",
    "e2e/collector/test_outage.py",
    "e2e/test_up.py",
    "integration/test_worker.py",
    "integration/test_stack.py",
    "e2e/collector/test_commands.py",
    "integration/test_fulfilment.py",
    "crash/test_codes_host.py",
    "integration/test_ticks.py",
    "unit/reports/test_funnel_oracle.py",
    "integration/test_broker.py",
    "integration/test_codes_concurrently.py",
    "crash/test_fulfilment.py",
    "e2e/collector/test_http.py",
    "integration/test_reports.py",
    "integration/test_life.py",
    "integration/test_reviews.py",
    "property/test_codes_patterns.py",
    "property/test_dropping.py",
    "e2e/collector/test_codes_api.py",
    "integration/test_code_evidence.py",
    "integration/test_reference_data.py",
    "property/test_deciding.py",
    "property/test_policy_files.py",
)
"""Every file that takes 7 s or more."""

TESTS: Final = Path(__file__).parents[1]
_NTH: Final = {TESTS / name: nth for nth, name in enumerate(LONGEST_FIRST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The others follow as they were found, each file's tests in their own order."""
    items.sort(key=lambda item: _NTH.get(item.path, len(_NTH)))
