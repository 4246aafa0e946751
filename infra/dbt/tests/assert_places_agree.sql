-- Messages equal rows, grants equal orders to deliver: at most one in a thousand may be under way, or found
-- beyond what is expected. As in the report reconciliation, what is missing doesn't outweigh what is too much.
select check, sum(expected) as to_be_found, sum(abs(expected - found)) as disagreeing
from {{ source('reftrail', 'v_reconciliation') }}
group by check
having disagreeing > 0.001 * to_be_found
