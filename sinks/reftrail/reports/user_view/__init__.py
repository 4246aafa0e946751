"""View of one user: balance, tiers, codes, shipments and the history of entries.

Begin with `view`. `gathered` decides what is asked, `lookups` asks the warehouse, `rows` are what
it gives, `earnings` adds up the entries, `history` shows them page by page, `attributed` counts
users by code.
"""
