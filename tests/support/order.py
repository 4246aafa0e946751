"""In which order the files of tests are run: those that take longest first.

Processes that share the tests file by file then end together, rather than one with a file of some
minutes that it began last. By the processor time of their tests and of the processes these start,
or by what they wait for, where that is longer.
"""

from pathlib import Path
from typing import Final

import pytest

LONGEST_FIRST: Final = (
    "integration/test_warehouse.py",
    "e2e/collector/test_outage.py",
    "unit/warehouse/placing/test_content.py",
    "integration/test_broker_gone.py",
    "integration/test_standby_warehouse.py",
    "integration/test_fulfilment.py",
    "crash/test_short.py",
    "integration/test_positions.py",
    "unit/warehouse/test_rebuild.py",
    "e2e/collector/test_commands.py",
    "integration/test_takeover.py",
    "e2e/collector/test_http.py",
    "integration/test_life.py",
    "e2e/test_demo.py",
    "integration/test_warehouse_commands.py",
    "property/test_ledger_sums.py",
    "integration/test_worker_store.py",
    "integration/test_worker.py",
    "e2e/test_up.py",
    "property/test_report_figures.py",
    "unit/reports/test_analysts.py",
    "property/test_deciding.py",
    "e2e/test_code_batches.py",
    "unit/reports/test_periods.py",
    "integration/test_adjustments.py",
    "property/test_lives.py",
    "integration/test_stack.py",
    "unit/warehouse/test_epochs.py",
    "unit/warehouse/test_duplicates.py",
    "integration/test_kafka_security.py",
    "integration/test_standbys.py",
    "e2e/collector/test_spool.py",
    "property/test_described_collector.py",
    "property/test_described_warehouse.py",
    "integration/test_match.py",
    "e2e/edge/test_planted_values.py",
    "unit/warehouse/test_upgrade.py",
    "crash/test_fulfilment.py",
    "unit/reports/test_funnel_oracle.py",
    "crash/test_codes_host.py",
    "integration/test_ticks.py",
    "unit/warehouse/test_duplicates_killed.py",
    "property/test_fraud.py",
    "integration/test_codes_concurrently.py",
    "unit/simulator/test_truth.py",
    "explore/test_explore.py",
    "integration/test_payouts.py",
    "unit/reports/user_view/test_user_view_oracle.py",
    "unit/reports/test_reports.py",
    "unit/warehouse/test_duplicates_cut_short.py",
    "unit/reports/test_attribution_oracle.py",
    "integration/test_reports.py",
    "integration/test_broker.py",
    "unit/reports/test_balances_oracle.py",
    "integration/test_keys.py",
    "scenarios/test_long_histories.py",
    "unit/reports/test_merged_people.py",
    "unit/engine/test_soak.py",
    "integration/test_reviews.py",
    "property/test_report_money_figures.py",
    "unit/warehouse/test_two_warehouses.py",
    "e2e/collector/test_codes_api.py",
    "property/test_codes_patterns.py",
    "integration/test_code_evidence.py",
    "property/test_report_judgement_figures.py",
    "integration/test_codes_relay.py",
)
"""Every file that takes 7 s or more."""

TESTS: Final = Path(__file__).parents[1]
_NTH: Final = {TESTS / name: nth for nth, name in enumerate(LONGEST_FIRST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The others follow as they were found, each file's tests in their own order."""
    items.sort(key=lambda item: _NTH.get(item.path, len(_NTH)))
