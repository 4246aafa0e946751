"""CSV exports of commissions, mappings of their columns, and what is read from them."""

import textwrap
from pathlib import Path
from typing import Final

from reftrail.imports import Commission, Programme, read_columns, read_commissions

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "imports"
REWARDFUL: Final = EXAMPLES / "rewardful.columns.toml"
FIRSTPROMOTER: Final = EXAMPLES / "firstpromoter.columns.toml"
HEAD: Final = (
    "ID,Sale,Commission,State,Currency,Affiliate ID,Affiliate email,Link token,Customer ID"
)
FIRST_HEAD: Final = "ID;Amount;Status;Promoter email;Customer ID;Customer email;Unit"


def read(
    tmp_path: Path,
    content: str | bytes,
    columns: Path = REWARDFUL,
    *,
    programme: Programme = Programme.REWARDFUL,
    currency: str | None = None,
) -> tuple[list[Commission], list[tuple[int, str, str]], dict[str, int]]:
    file = tmp_path / "export.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_commissions(programme, file, currency, read_columns(columns))
    assert all(fault.counted == "row" for fault in found.faults)
    return found.commissions, [fault[:3] for fault in found.faults], found.left_out


def row(**changed: str) -> str:
    values = {
        "ID": "7d28-ca",
        "Sale": "50.00",
        "Commission": "7.50",
        "State": "due",
        "Currency": "USD",
        "Affiliate ID": "dc93-58",
        "Affiliate email": "james@affiliates.example",
        "Link token": "jb007",
        "Customer ID": "cus_1",
    } | {key.replace("_", " "): value for key, value in changed.items()}
    return ",".join(f'"{value}"' if "," in value else value for value in values.values())


def columns_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "columns.toml"
    file.write_text(textwrap.dedent(text))
    return file


def micros(tmp_path: Path, amount: str, currency: str, amounts: str) -> int | str:
    """The amount of a row under a format, or why there is none."""
    text = REWARDFUL.read_text().partition("[amounts]")[0]
    states = '[states]\nopen = ["due"]\n'
    mapping = columns_file(tmp_path, f"{text}[amounts]\n{amounts}\n{states}")
    content = f"{HEAD}\n{row(Commission=amount, Currency=currency)}\n"
    commissions, faults, _ = read(tmp_path, content, mapping)
    return commissions[0].open_micros if commissions else faults[0][2]
