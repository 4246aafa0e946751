"""`python -m reftrail.codes`."""

from reftrail.hosting.starting import start

start("reftrail.codes.host.main")
