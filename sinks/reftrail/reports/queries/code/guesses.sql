-- Codes that were tried and never issued, by the format whose prefix they have: a row a format.
-- Of several prefixes that fit, the longest one counts.
--
-- addresses: different address hashes, so many people at least if the hash key didn't change.
--
-- Parameters: since DateTime64(3, 'UTC').
WITH (
    SELECT arraySort(
        one -> (-length(one.2), one.1),
        groupArray(tuple(name, upper(splitByChar('{', pattern)[1]), campaign_id))
    ) FROM code_formats FINAL
) AS formats,
tried AS (
    SELECT
        arrayFirst(one -> startsWith(upper(code), one.2), formats) AS of,
        code, code_evidence, ip_hash
    FROM v_events
    WHERE event_time >= {since:DateTime64(3, 'UTC')}
      AND code_evidence IN ('forged', 'mistyped', 'malformed', 'retired')
)
SELECT
    of.1 AS format,
    of.2 AS prefix,
    of.3 AS campaign_id,
    countIf(code_evidence = 'forged') AS forged,
    uniqExactIf(code, code_evidence = 'forged') AS forged_codes,
    uniqExactIf(ip_hash, code_evidence = 'forged') AS addresses,
    countIf(code_evidence = 'mistyped') AS mistyped,
    countIf(code_evidence = 'malformed') AS malformed,
    countIf(code_evidence = 'retired') AS retired
FROM tried
WHERE of.1 != ''
GROUP BY of
ORDER BY forged DESC, format
