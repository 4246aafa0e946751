"""`python -m reftrail.warehouse`."""

from reftrail.warehouse.main import main

main()
