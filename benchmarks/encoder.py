"""Encoding an event: the compiled encoder against fastavro, microseconds each.

python benchmarks/encoder.py
"""

import json
import timeit
from io import BytesIO

import fastavro
import msgspec
from load import clicks

from reftrail.contracts.codec import encode
from reftrail.contracts.registry import latest


def measure(rounds: int = 20_000) -> dict[str, float]:
    """The best of five series, for both."""
    event = next(clicks(1, 1))
    schema = latest("Event").parsed

    def general() -> None:
        datum = msgspec.structs.asdict(event) | {"type": "click"}
        fastavro.schemaless_writer(BytesIO(), schema, datum)

    compiled_us = min(timeit.repeat(lambda: encode(event), number=rounds)) / rounds * 1e6
    fastavro_us = min(timeit.repeat(general, number=rounds)) / rounds * 1e6
    return {"encode_us": compiled_us, "encode_fastavro_us": fastavro_us}


if __name__ == "__main__":
    print(json.dumps({name: round(figure, 2) for name, figure in measure().items()}))
