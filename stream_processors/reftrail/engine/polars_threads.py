"""One thread for polars in a worker's process. Import it before polars, which reads it then.

A worker reads batches of some thousand rows between decisions, one after another. Handing each
step to a pool of threads took a tenth of its processor time.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")
