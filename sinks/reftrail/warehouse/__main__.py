"""`python -m reftrail.warehouse`."""

from reftrail.hosting.starting import start

start("reftrail.warehouse.main")
