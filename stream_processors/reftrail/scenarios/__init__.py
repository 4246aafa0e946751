"""Scenarios of policies in TOML: given, when and then for people who don't write Python.

Input: a file of scenarios and the campaign files that it names. Output: what differs from what it
expects. Guarantee: the rules, their topology and the collector's judgement are the real ones.
"""

from reftrail.scenarios.file import Outcome, ScenarioFile, read_scenarios
from reftrail.scenarios.report import as_text

__all__ = ["Outcome", "ScenarioFile", "as_text", "read_scenarios"]
