"""Questions of analysts: queries in SQL, and exports of whole views.

`sql_query` answers one query, read-only and within limits; `export` writes a view as a file;
`routes` has both for HTTP.
"""
