-- A reward's balance is the sum of its entries in the ledger.
select r.reward_id as reward_id, r.balance as balance, e.effect as effect
from {{ ref('stg_reftrail__rewards') }} as r
left join (
    select reward_id, sum(effect) as effect
    from {{ ref('stg_reftrail__reward_entries') }}
    group by reward_id
) as e on r.reward_id = e.reward_id
where abs(r.balance - e.effect) > 0.0000005
