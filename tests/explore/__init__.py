"""Search for failures of the properties, with fresh seeds: `make explore`.

`run.py` repeats rounds of pytest under the profile `explore` until the time is up, `recording.py`
writes what fails to a file in `found/`, and `replaying.py` has the suite try each of these files as
an explicit example. `found.py` says what such a file contains.
"""
