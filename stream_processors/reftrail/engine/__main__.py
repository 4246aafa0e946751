"""`python -m reftrail.engine`: one worker, run by Faust's own."""

from reftrail.engine.worker import main

main()
