"""`python -m reftrail.collector`."""

from reftrail.collector.main import main

main()
