-- All versions of the campaigns that the code or the ledger's entries name.
SELECT * FROM campaigns FINAL
WHERE campaign_id IN (SELECT campaign_id FROM v_codes WHERE code = {code:String})
   OR campaign_id IN (
        SELECT campaign_id FROM v_rewards
        WHERE code = {code:String} AND user_id = {user:String}
    )
ORDER BY campaign_id, version
