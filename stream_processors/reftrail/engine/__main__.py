"""`python -m reftrail.engine`: one worker, run by Faust's own."""

from reftrail.hosting.starting import start

start("reftrail.engine.worker")
