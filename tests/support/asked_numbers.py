"""Numbers from ClickHouse in a directory that no process has open, as a JSON array on stdout.

Arguments: the directory, and queries of which each asks for one number. Run by `HostProcess`, in a
process that is gone when the next one wants an engine.
"""

import json
import sys
from pathlib import Path

from reftrail.warehouse.clickhouse import connect_for_reading

if __name__ == "__main__":
    client = connect_for_reading(Path(sys.argv[1]), None)
    rows = [client.query(sql).result_rows for sql in sys.argv[2:]]
    print(json.dumps([number for ((number,),) in rows]))  # noqa: T201
    client.close()
