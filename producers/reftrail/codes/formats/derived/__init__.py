"""Derived codes: from a campaign's secret by a keyed permutation, verified from the code alone."""

from reftrail.codes.formats.derived.codes import LEAST_SECRET, WORST_ODDS, DerivedCodes, shortest

__all__ = ["LEAST_SECRET", "WORST_ODDS", "DerivedCodes", "shortest"]
