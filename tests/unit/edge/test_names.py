"""Ids and names that clients choose, wherever they come in."""

import pytest
from pydantic import TypeAdapter, ValidationError
from support.accepting import NEEDED, taken

from reftrail.contracts.names import LONGEST_NAME, OTHER, usable_source
from reftrail.edge.model_fields import Name

NAMES: TypeAdapter[str] = TypeAdapter(Name)


@pytest.mark.parametrize("around", [" ", "\t", "\u00a0", "\u3000", "\r\n"])
def test_blanks_around_a_name_go(around: str) -> None:
    assert NAMES.validate_python(f"{around}O 17{around}") == "O 17"
    assert NAMES.validate_python(around + "x" * LONGEST_NAME) == "x" * LONGEST_NAME


@pytest.mark.parametrize("text", ["", " ", "\u3000", "a\nb", "\u200b", "\x00", "x" * 129])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(text)


@pytest.mark.parametrize(
    "text", ["\U000e0041", "\U000e0100\U000e0100", " \U0001d173", "\U0001bca0"]
)
def test_a_name_of_tags_and_variation_selectors_alone_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="nothing of it is visible"):
        NAMES.validate_python(text)
    assert usable_source(text) == OTHER


def test_a_flag_that_ends_in_tags_is_a_name() -> None:
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert NAMES.validate_python(scotland) == scotland


@pytest.mark.parametrize("kind", NEEDED)
def test_an_event_s_ids_have_no_blanks_around_them(kind: str) -> None:
    given = {name: f" {value} " for name, value in NEEDED[kind].items() if name.endswith("_id")}
    assert given
    found = taken({"type": kind, **NEEDED[kind], **given})
    assert {name: getattr(found, name) for name in given} == {
        name: value.strip() for name, value in given.items()
    }
