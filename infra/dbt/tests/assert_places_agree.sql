-- Messages equal rows, grants equal orders to deliver: at most one in a thousand may be under way.
select check, sum(expected) as expected, sum(found) as found
from {{ source('reftrail', 'v_reconciliation') }}
group by check
having found < 0.999 * expected
