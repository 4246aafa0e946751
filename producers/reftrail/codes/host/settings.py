"""Settings of the host of codes."""

from typing import Annotated

from pydantic import Field, SecretStr

from reftrail.contracts.installation import Installation


class CodesSettings(Installation):
    """Read from REFTRAIL_* variables.

    codes_store is where codes are issued, an SQLAlchemy URL: sqlite:////PATH/codes.sqlite, or
    postgresql+psycopg://USER:PASSWORD@HOST/DATABASE. codes_secret ("keyid:hex") is that of derived
    codes; this host issues none of them. group: the registrar's consumer group is group-registrar.
    """

    codes_store: SecretStr
    codes_secret: SecretStr | None = None
    codes_host: str = "127.0.0.1"
    codes_port: Annotated[int, Field(ge=1, le=65535)] = 6068
    group: str = Field(default_factory=lambda given: f"{given['topic_prefix']}codes")
