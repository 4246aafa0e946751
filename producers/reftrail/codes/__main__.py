"""`python -m reftrail.codes`."""

from reftrail.codes.host.main import main

main()
