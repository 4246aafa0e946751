-- Owned codes, one row each, and the person who owns it: the account that the owner was merged into, if
-- there is one (v_people).
SELECT
    k.code AS code,
    if(p.person_id = '', assumeNotNull(k.owner_user_id), p.person_id) AS owner
FROM (SELECT code, owner_user_id FROM v_codes WHERE owner_user_id IS NOT NULL) AS k
LEFT JOIN v_people AS p ON assumeNotNull(k.owner_user_id) = p.user_id
