select campaign_id, version, name, category, effective_from
from {{ source('reftrail', 'v_campaigns') }}
