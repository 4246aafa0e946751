"""Imports of what other referral programmes still owe, as adjustments of the ledger.

Commissions come from a file: the answers of the programme's own API, or a CSV export. Guarantee:
of each commission the ledger gets what is open of it, once, however often its file is imported.
"""

from reftrail.imports.columns import ColumnMapping, read_columns
from reftrail.imports.commission import Commission, Programme
from reftrail.imports.commissions import Fault, Found, read_commissions
from reftrail.imports.history import History
from reftrail.imports.matching import Match, Owners, Rule
from reftrail.imports.plan import Balance, Place, Plan, Posting, plan_import

__all__ = [
    "Balance",
    "ColumnMapping",
    "Commission",
    "Fault",
    "Found",
    "History",
    "Match",
    "Owners",
    "Place",
    "Plan",
    "Posting",
    "Programme",
    "Rule",
    "plan_import",
    "read_columns",
    "read_commissions",
]
