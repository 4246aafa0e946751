"""Queries about one user. Parameter of each, where nothing else is said: user, String.

Each gives its rows in no order, a line of JSON each that begins with what it is, so that several
are asked as one (see `reports.lookups`). What a query costs is its planning and each column of
each part that it opens, more than the rows: so these ask for few columns, and leave sorting and
choosing among few rows to Python.
"""
