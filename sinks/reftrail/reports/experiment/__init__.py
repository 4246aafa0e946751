"""Report on an experiment: its arms compared, and whether the split is the one asked for."""

from reftrail.reports.experiment.experiment import ExperimentAsked, experiment

__all__ = ["ExperimentAsked", "experiment"]
