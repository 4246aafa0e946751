"""View of one user: balance, tiers, codes, shipments and the history of entries.

Begin with `view`. `lookups` asks the warehouse, `rows` are what it gives, `earnings` adds up the
entries, `history` shows them page by page, `attributed` counts users by code.
"""
