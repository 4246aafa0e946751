"""Profiles of Hypothesis: `suite` tries the same examples on every run, `explore` fresh ones.

`derandomize` alone doesn't make a run repeatable. Hypothesis also draws constants that it finds in
the source of the modules imported so far, and these depend on how processes share the files. It
limits shrinking by a constant of five minutes for each failing property, not by a setting. So the
suite sets both inside Hypothesis; `explore/test_profiles.py` fails where an upgrade undoes that.
"""

from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine, providers

SUITE: Final = "suite"
EXPLORE: Final = "explore"
SHRINKING_SECONDS: Final = 15
"""For each failing property of the suite; `make explore` takes Hypothesis' five minutes."""

_PARENT: Final = settings.get_profile("default")  # in CI another one is current
# How long an example takes depends on who else is using the machine.
_UNHURRIED: Final = settings(
    _PARENT, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)

settings.register_profile(
    SUITE,
    _UNHURRIED,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
)
# One failure of each property is kept, and it is the last one that was tried: nothing comes after
# shrinking.
settings.register_profile(
    EXPLORE,
    _UNHURRIED,
    derandomize=False,
    report_multiple_bugs=False,
    phases=[Phase.generate, Phase.target, Phase.shrink],
)
settings.load_profile(SUITE)


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Hypothesis' own plugin has loaded by now what --hypothesis-profile says."""
    if settings.get_current_profile_name() == SUITE:
        make_repeatable()


def make_repeatable() -> None:
    """Draw no constants from imported modules, and limit the time for shrinking."""
    providers.is_local_module_file = _never_local  # type: ignore[attr-defined, assignment]
    engine.MAX_SHRINKING_SECONDS = SHRINKING_SECONDS


def _never_local(path: str) -> bool:
    return False
