"""`python -m reftrail.codes`."""

from reftrail.codes.main import main

main()
