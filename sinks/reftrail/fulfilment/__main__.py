"""`python -m reftrail.fulfilment`."""

from reftrail.hosting.starting import start

start("reftrail.fulfilment.main")
