"""`python -m reftrail.collector`."""

from reftrail.hosting.starting import start

start("reftrail.collector.main")
