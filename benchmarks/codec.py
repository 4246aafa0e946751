"""Encoding and decoding: the compiled functions against fastavro, microseconds each.

python benchmarks/codec.py
"""

import json
import timeit
from collections.abc import Callable
from io import BytesIO

import fastavro
import msgspec
from load import clicks

from reftrail.contracts.codec import decode, decode_any, encode
from reftrail.contracts.registry import latest


def measure(rounds: int = 20_000) -> dict[str, float]:
    """The best of five series, for an event of about 250 bytes."""
    event = next(clicks(1, 1))
    value, schema = encode(event), latest("Event").parsed

    def write() -> None:
        datum = msgspec.structs.asdict(event) | {"type": "click"}
        fastavro.schemaless_writer(BytesIO(), schema, datum)

    def best(work: Callable[[], object]) -> float:
        return min(timeit.repeat(work, number=rounds)) / rounds * 1e6

    return {
        "encode_us": best(lambda: encode(event)),
        "encode_fastavro_us": best(write),
        "decode_us": best(lambda: decode(value)),
        "decode_fastavro_us": best(lambda: decode_any(value)),
    }


if __name__ == "__main__":
    print(json.dumps({name: round(figure, 2) for name, figure in measure().items()}))
