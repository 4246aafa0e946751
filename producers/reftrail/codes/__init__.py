"""Codes: issued, bound, distributed, suspended, replaced and verified, in a store of their own.

Input: calls, files, and signups from `conversions`. Output: the topics `codes`, `code-formats` and
`code-acts`. Guarantee: no code is issued twice, even by processes that issue at once; every act has
its line in the audit log; the topics follow the store, whatever crashes.

Begin with `model`, `answers` and `service`. `formats` judges codes and needs no database, `store`
is the database, `host` sends changes to Kafka, `bulk` reads and writes files of codes.
"""
