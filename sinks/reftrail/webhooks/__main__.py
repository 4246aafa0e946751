"""`python -m reftrail.webhooks`."""

from reftrail.hosting.starting import start

start("reftrail.webhooks.main")
