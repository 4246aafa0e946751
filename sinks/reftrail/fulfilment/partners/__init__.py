"""Whoever fulfils, simulated: a carrier and a keeper of accounts, for trials and tests.

They honour idempotency keys, as real ones should, and fail as real ones do, where told to.
"""
