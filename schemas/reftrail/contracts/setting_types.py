"""Types of times and rates in settings: finite, and no longer than makes sense."""

from typing import Annotated, Final, TypeAlias

from pydantic import Field

_HOUR: Final = 3_600.0
_YEAR: Final = 366 * 24 * _HOUR

TimeoutSeconds: TypeAlias = Annotated[float, Field(gt=0, le=_HOUR, allow_inf_nan=False)]
"""The longest wait for an answer or for the end of some work: at most an hour."""

Seconds: TypeAlias = Annotated[float, Field(gt=0, le=_YEAR, allow_inf_nan=False)]
"""A time between events of a plan, such as two tries: at most a year."""

PauseSeconds: TypeAlias = Annotated[float, Field(ge=0, le=_HOUR, allow_inf_nan=False)]
"""A pause that may be none: at most an hour."""

PauseMillis: TypeAlias = Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]
"""A pause in milliseconds that may be none: at most a minute."""

Rate: TypeAlias = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
"""A number a second."""
