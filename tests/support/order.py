"""In which order the files of tests are run: those that take longest first.

Processes that share the tests file by file then end together, rather than one with a file of some
minutes that it began last. Files that mostly wait, for brokers and hosts, take turns with those
that compute, so that neither core is idle at first nor all tests compute at the end.
"""

from pathlib import Path
from typing import Final

import pytest

LONGEST_FIRST: Final = (
    "integration/test_warehouse.py",
    "unit/warehouse/placing/test_content.py",
    "integration/test_standby_warehouse.py",
    "unit/warehouse/test_epochs.py",
    "integration/test_fulfilment.py",
    "unit/reports/test_analysts.py",
    "property/test_report_money_figures.py",
    "integration/test_positions.py",
    "property/test_report_figures.py",
    "unit/warehouse/test_rebuild.py",
    "unit/warehouse/placing/test_visits.py",
    "unit/warehouse/test_upgrade.py",
    "property/test_ledger_sums.py",
    "unit/warehouse/test_duplicates.py",
    "integration/test_worker.py",
    "unit/warehouse/placing/test_changes.py",
    "unit/warehouse/placing/test_steps.py",
    "integration/test_worker_store.py",
    "unit/reports/test_periods.py",
    "property/test_deciding.py",
    "integration/test_warehouse_commands.py",
    "e2e/test_demo.py",
    "unit/warehouse/placing/test_http.py",
    "e2e/test_code_batches.py",
    "property/test_lives.py",
    "unit/warehouse/test_late_migration.py",
    "unit/reports/test_balances_oracle.py",
    "e2e/edge/test_planted_values.py",
    "property/test_report_judgement_figures.py",
    "property/test_merged_crowds.py",
    "crash/test_fulfilment.py",
    "unit/warehouse/test_tables.py",
    "unit/simulator/test_truth.py",
    "property/test_fraud.py",
    "integration/test_life.py",
    "property/test_report_code_figures.py",
    "unit/reports/test_experiment.py",
    "integration/test_fulfilment_log.py",
    "unit/warehouse/test_events_migrated.py",
    "integration/test_payouts.py",
    "e2e/collector/test_outage.py",
    "property/test_described_collector.py",
    "integration/test_webhooks.py",
    "unit/reports/user_view/test_user_view_oracle.py",
    "unit/warehouse/test_duplicates_cut_short.py",
    "unit/reports/test_merged_people.py",
    "e2e/edge/test_keys.py",
    "integration/test_stack.py",
    "unit/reports/test_attribution_oracle.py",
    "e2e/test_dashboard.py",
    "integration/test_ticks.py",
    "scenarios/test_long_histories.py",
    "unit/collector/test_accept_requests.py",
    "unit/warehouse/test_rollup.py",
    "unit/reports/test_reports.py",
    "unit/reports/test_funnel_oracle.py",
    "integration/test_reports.py",
    "unit/reports/user_view/test_user_view.py",
    "unit/warehouse/test_two_warehouses.py",
    "property/test_policy_files.py",
    "crash/test_codes_host.py",
    "unit/warehouse/placing/test_ages.py",
    "crash/test_outcomes.py",
    "unit/warehouse/test_loader.py",
    "e2e/test_up.py",
    "unit/reports/test_conversion.py",
    "e2e/collector/test_commands.py",
    "unit/reports/test_forecast.py",
    "integration/test_broker.py",
    "integration/test_keys.py",
    "unit/reports/test_analysts_tools.py",
    "explore/test_explore.py",
    "integration/test_adjustments.py",
    "property/test_payouts.py",
    "property/test_prefilter.py",
    "property/test_forgetting.py",
    "unit/codes/service/test_case.py",
    "property/test_lookups.py",
    "property/test_rewarding.py",
    "unit/engine/test_rocksdb.py",
    "property/test_hosts.py",
    "unit/dashboard/test_own_page.py",
    "unit/connectors/test_signatures.py",
    "unit/dashboard/test_overview.py",
    "unit/warehouse/test_http.py",
    "integration/test_kafka_security.py",
    "unit/client/test_background.py",
    "e2e/collector/test_spool.py",
    "property/test_encoder.py",
    "integration/test_codes_relay.py",
    "unit/dashboard/test_sessions.py",
    "unit/contracts/test_codec.py",
)
"""Every file that takes 14 s or more on a busy machine."""

TESTS: Final = Path(__file__).parents[1]
_NTH: Final = {TESTS / name: nth for nth, name in enumerate(LONGEST_FIRST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The others follow as they were found, each file's tests in their own order."""
    items.sort(key=lambda item: _NTH.get(item.path, len(_NTH)))
