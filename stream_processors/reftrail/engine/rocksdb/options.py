"""Options of RocksDB for many small keys, most lookups in vain, and a bound on memory."""

from typing import Any, Final, cast

from reftrail.contracts.errors import ExpectedError
from reftrail.engine.rocksdb.recent import RecentBudget

try:
    import rocksdict
except ModuleNotFoundError:  # an optional dependency
    rocksdict = cast("Any", None)

_MIB: Final = 1024**2
_FILES: Final = 256
_BLOOM_BITS: Final = 10.0
_METADATA_BLOCK: Final = 4 * 1024
_MEMTABLE_BLOOM: Final = 0.05
"""Of a write buffer, for a filter of its own: two thirds of the time of a lookup in vain."""


def library() -> Any:
    """The module `rocksdict`. Raises `ExpectedError` if it isn't installed."""
    if rocksdict is None:
        raise ExpectedError(
            "REFTRAIL_WORKER_STORE=rocksdb needs the package rocksdict: install reftrail[rocksdb], "
            "or set REFTRAIL_WORKER_STORE=memory"
        )
    return rocksdict


class SharedMemory:
    """One bound for all that a worker's databases have in memory.

    A quarter is for states that were used last, a quarter for what was written last, the rest for
    blocks, their indexes and filters.
    """

    def __init__(self, mebibytes: int) -> None:
        self._rocks = library()
        size = mebibytes * _MIB
        self.recent = RecentBudget(size // 4)
        self._cache = self._rocks.Cache(size - size // 4)
        self._buffer = max(_MIB, min(size // 4, 64 * _MIB))
        self._buffers = self._rocks.WriteBufferManager.new_write_buffer_manager_with_cache(
            self._buffer,
            False,  # writers don't wait: the library flushes earlier
            self._cache,
        )

    def options(self, *, looked_up: bool) -> Any:
        """The options of a column family. looked_up: keys are looked up, mostly in vain."""
        options = self._rocks.Options(raw_mode=True)
        options.create_if_missing(True)
        options.create_missing_column_families(True)
        options.set_block_based_table_factory(self._blocks())
        options.set_compression_type(self._rocks.DBCompressionType.lz4())
        options.set_write_buffer_manager(self._buffers)
        options.set_write_buffer_size(self._buffer // 4)
        options.set_max_open_files(_FILES)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(4 * _MIB)
        options.set_atomic_flush(True)
        options.set_level_compaction_dynamic_level_bytes(True)
        if looked_up:
            options.set_memtable_prefix_bloom_ratio(_MEMTABLE_BLOOM)
            options.set_memtable_whole_key_filtering(True)
        return options

    def _blocks(self) -> Any:
        """Data, indexes and filters in small blocks.

        The cache has 64 shards. The index and filter of a large file, as one block each, together
        exceed a shard: each lookup read one of them again, 0.8 MB for 230 bytes of state.
        """
        blocks = self._rocks.BlockBasedOptions()
        blocks.set_block_cache(self._cache)
        blocks.set_bloom_filter(_BLOOM_BITS, False)  # for whole files
        blocks.set_index_type(self._rocks.BlockBasedIndexType.two_level_index_search())
        blocks.set_partition_filters(True)
        blocks.set_metadata_block_size(_METADATA_BLOCK)
        blocks.set_cache_index_and_filter_blocks(True)
        blocks.set_pin_top_level_index_and_filter(True)
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
        blocks.set_format_version(5)
        return blocks
