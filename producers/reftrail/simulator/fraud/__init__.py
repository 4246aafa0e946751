"""Fraud and honest look-alikes, made up from a seed, and how well the rules tell them apart.

The truth is in who does what, and never asks the rules. `python -m reftrail.simulator.fraud` prints
precision and recall, overall and of each heuristic, under the default policy.
"""

from reftrail.simulator.fraud.play import played, town_of
from reftrail.simulator.fraud.score import Score, Tally, score
from reftrail.simulator.fraud.table import tables
from reftrail.simulator.fraud.town import Story, Town

__all__ = ["Score", "Story", "Tally", "Town", "played", "score", "tables", "town_of"]
