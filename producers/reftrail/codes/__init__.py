"""Codes: issued, bound, handed out, stopped, replaced and verified, on a store of their own.

Input: calls, files, and signups from `conversions`. Output: the topics `codes`, `code-formats` and
`code-acts`. Guarantee: no code is issued twice, whoever else issues at the same time; every act has
its line in the audit log; the topics follow the store, whatever crashes.

Begin with `service`. To read or judge codes needs no database: `formats`.
"""
