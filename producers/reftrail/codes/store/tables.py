"""Tables of the store, in SQLAlchemy's terms, for SQLite and PostgreSQL alike.

`codes.code` is unique, in any case of its letters, and so is `codes.skeleton`, which chosen codes
have: the database lets no code through twice, even if two processes issue at once. `holdings` holds
at most one code of a user in a scope (`service.one_per_user`). `acts` is the audit log. `outbox`
holds what Kafka hasn't acknowledged yet, in the order of sending. `requests` holds the answers to
requests with an Idempotency-Key, written in the transaction of what they asked for. `api_keys`
holds hashes of keys, never a key.
"""

from typing import Any, Final

import sqlalchemy as sa

VERSION: Final = 4
"""Version of these tables. A change adds one and a way to get there from the version before."""

METADATA: Final = sa.MetaData()

_CODE: Final = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _time(name: str, **more: Any) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, **more)


installed = sa.Table("installed", METADATA, sa.Column("version", sa.Integer, primary_key=True))

codes = sa.Table(
    "codes",
    METADATA,
    sa.Column("code", _CODE, primary_key=True),
    sa.Column("skeleton", _CODE, unique=True),
    sa.Column("format", sa.Text),
    sa.Column("event_id", sa.Text, nullable=False),
    _time("event_time", nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("owner_user_id", sa.Text),
    sa.Column("category", sa.Text),
    sa.Column("channel", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    _time("created_at", nullable=False),
    _time("expires_at"),
    sa.Column("max_uses", sa.Integer),
    sa.Column("max_distributes", sa.Integer),
    sa.Column("notes", sa.Text),
    sa.Column("channels", sa.JSON, nullable=False),
    sa.Column("regions", sa.JSON, nullable=False),
    sa.Column("record_kind", sa.Text),
    sa.Column("record_id", sa.Text),
    sa.Column("origin", sa.Text),
    sa.Column("owner_device_hash", sa.Text),
    sa.Column("owner_ip_hash", sa.Text),
    sa.Column("owner_network_hash", sa.Text),
    sa.Column("owner_email_hash", sa.Text),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("past_stops", sa.Text),
    sa.Column("distributed", sa.BigInteger, nullable=False),
    sa.Column("distributed_by_channel", sa.JSON, nullable=False),
    sa.Column("channel_limits", sa.JSON, nullable=False),
    sa.Index("codes_by_owner", "owner_user_id", "code"),
    sa.Index("codes_by_campaign", "campaign_id", "code"),
    sa.Index("codes_by_format", "format"),
    sa.Index("codes_by_expiry", "expires_at"),
)

CANONICAL: Final = sa.func.upper(codes.c.code)
"""`contracts.code_spelling.canonical` in SQL: of what `codes` holds, both databases change ASCII
letters alone, PostgreSQL by the column's collation."""

codes_by_canonical: Final = sa.Index("codes_by_canonical", CANONICAL, unique=True)

holdings = sa.Table(
    "holdings",
    METADATA,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("code", _CODE, nullable=False),
)

formats = sa.Table(
    "formats",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    _time("event_time", nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("pattern", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Text),
    sa.Column("category", sa.Text),
    sa.Column("channel", sa.Text),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("key_id", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("per_user", sa.Text, nullable=False),
    sa.Column("on_signup", sa.Boolean, nullable=False),
)

sequences = sa.Table(
    "sequences",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)

acts = sa.Table(
    "acts",
    METADATA,
    sa.Column("number", _SERIAL, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    _time("event_time", nullable=False),
    sa.Column("code", _CODE),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("batch_id", sa.Text),
    sa.Column("codes", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Index("acts_by_code", "code", "number"),
)

outbox = sa.Table(
    "outbox",
    METADATA,
    sa.Column("number", _SERIAL, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

requests = sa.Table(
    "requests",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    _time("at", nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Index("requests_by_time", "at"),
)

api_keys = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    _time("event_time", nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("origins", sa.JSON, nullable=False),
    sa.Column("app_ids", sa.JSON, nullable=False),
    sa.Column("campaigns", sa.JSON, nullable=False),
    _time("created_at", nullable=False),
    _time("expires_at"),
    sa.Column("previous_hash", sa.Text, unique=True),
    _time("previous_until"),
    _time("revoked_at"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("revision", sa.BigInteger, nullable=False),
)
