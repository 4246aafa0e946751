"""Private parts of the Kafka clients that reftrail uses, each with the reason."""

from typing import Final

CHUNKS: Final = "chunks are made of record batches, and the client gives out records only"
ENDED: Final = "why a transaction was ended, which the client keeps to itself"
RETRIES: Final = "while a broker is away, retries get rarer; the client takes one time for good"
PAUSES: Final = "without a broker, the client asks for metadata in a loop without a pause"
TAKE_OVERS: Final = "Kafka answers a commit during a take-over with an error that isn't retried"

PRIVATE_PARTS: Final = {
    "_fetcher": CHUNKS,
    "_closed": CHUNKS,
    "_subscriptions": CHUNKS,
    "_records": CHUNKS,
    "_partition_records": CHUNKS,
    "_records_iterator": CHUNKS,
    "_check_crcs": CHUNKS,
    "_tp": CHUNKS,
    "_consume_aborted_up_to": CHUNKS,
    "_aborted_producers": CHUNKS,
    "_contains_abort_marker": CHUNKS,
    "_create_fetch_waiter": CHUNKS,
    "_txn_manager": ENDED,
    "_transaction_waiter": ENDED,
    "_send_request": "the client's own question for a group's positions drops the group's error",
    "_retry_backoff": RETRIES,
    "_sender": RETRIES,
    "_coordinator": "a worker asks for another sharing out once it is warm; a fulfilment that has "
    "given up its partitions asks for them until they are assigned",
    "_client": PAUSES,
    "_metadata_update": PAUSES,
    "_do_txn_commit": TAKE_OVERS,
    "_transaction_manager": TAKE_OVERS,
    "_enqueue_request": TAKE_OVERS,
    "_ensure_consumer": "Faust hides the client's consumer, which is paused until state is here",
}
"""By the name of an attribute the reason for its use."""
