-- Part of reports of money: maps by currency of what was added up by currency first, since a map of each
-- row would take longer than all the rest. Orders and revenue, grants and values are in the map of a
-- currency only where there are any of them.
sumMapIf(map(paid_in, orders_in), orders_in > 0) AS orders_by,
sumMapIf(map(paid_in, revenue_in), orders_in > 0) AS revenue_by,
sumMapIf(map(paid_in, grants_in), grants_in > 0) AS grants_by,
sumMapIf(map(paid_in, value_in), values_in > 0) AS value_by,
arrayDistinct(arrayConcat(mapKeys(orders_by), mapKeys(grants_by), mapKeys(value_by))) AS met,
if(empty(met), [''], met) AS currencies
