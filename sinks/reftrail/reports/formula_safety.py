"""Protection against text that a spreadsheet would run as a formula.

See https://owasp.org/www-community/attacks/CSV_Injection: a cell that begins with one of these
characters gets an apostrophe in front, which spreadsheets take for text.
"""

from typing import Final

LEADING: Final = (
    "=",
    "+",
    "-",
    "@",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
    "\t",
    "\r",
    "\n",
    "\0",
)
"""First characters of a formula, and those that spreadsheets leave out in front of one.

Spreadsheets set to Chinese or Japanese take full-width signs for the usual ones.
"""


def formula_safe(text: str) -> str:
    """The text for a cell of a CSV file."""
    return f"'{text}" if text.startswith(LEADING) else text


def formula_safe_sql(column: str) -> str:
    """An SQL expression for the same of a column of text, which may be null."""
    starts = ", ".join(f"'{_escaped(character)}'" for character in LEADING)
    return f"if(substringUTF8({column}, 1, 1) IN ({starts}), concat('\\'', {column}), {column})"


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02X}" for byte in character.encode())
