"""Rules of rewards: what a claim earns, and what becomes of it."""
