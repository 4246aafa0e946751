"""Pay-outs: rewards gathered into statements, approved, exported to providers, and reconciled.

Input: the ledger (topic `rewards`), and what owners and providers say by command. Output: the
topics `payouts` and `fulfilments`. Guarantee: no reward is in two approved statements unless the
payment of the first one failed or came back; statements and what is still due add up to the ledger.
"""

from reftrail.payouts.changes import Act
from reftrail.payouts.commands import (
    Exported,
    approve_statements,
    export_again,
    export_statements,
    prepare_statements,
    report_payments,
)
from reftrail.payouts.layouts import LAYOUTS, Missing
from reftrail.payouts.log import PayoutLog, PayoutWriter, payout_writer
from reftrail.payouts.payees import Payee, read_payees
from reftrail.payouts.provider_report import provider_line, read_report
from reftrail.payouts.statements import Statement, Statements
from reftrail.payouts.terms import PayoutTerms, Period, parse_period, read_terms

__all__ = [
    "LAYOUTS",
    "Act",
    "Exported",
    "Missing",
    "Payee",
    "PayoutLog",
    "PayoutTerms",
    "PayoutWriter",
    "Period",
    "Statement",
    "Statements",
    "approve_statements",
    "export_again",
    "export_statements",
    "parse_period",
    "payout_writer",
    "prepare_statements",
    "provider_line",
    "read_payees",
    "read_report",
    "read_terms",
    "report_payments",
]
