"""The deciders: who referred whom and what it earns. Pure: no I/O, no clock, no randomness."""
