"""Names of encodings of text, as files say in which one another file is written."""


def text_encoding(name: str) -> str:
    """The name, if Python knows an encoding of text by it. Raises `ValueError` if not."""
    try:
        b"\0".decode(name)  # hex and others are codecs, and no encodings of text
    except UnicodeError:
        return name
    except (LookupError, ValueError) as error:
        raise ValueError(f"{name} is not a text encoding such as utf-8 or latin-1") from error
    return name
