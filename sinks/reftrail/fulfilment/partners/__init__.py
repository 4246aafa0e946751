"""Simulated partners for trials and tests: a carrier and a receiver of webhooks.

They honour idempotency keys, as real ones should, and fail as real ones do, where so configured.
"""
