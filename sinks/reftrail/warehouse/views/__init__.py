"""Views of the warehouse, one SQL file each: the meaning of every word that reports share.

A view may change from version to version, a DDL file may not: see `warehouse.views`.
"""
