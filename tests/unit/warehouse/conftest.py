from support.clickhouse import clickhouse

__all__ = ["clickhouse"]
