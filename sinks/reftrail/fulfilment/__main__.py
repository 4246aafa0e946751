"""`python -m reftrail.fulfilment`."""

from reftrail.fulfilment.main import main

main()
