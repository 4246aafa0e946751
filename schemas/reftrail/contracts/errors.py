"""Errors that are no fault of the program."""


class ExpectedError(Exception):
    """Something a person can put right. str() says what is wrong and what to do about it.

    Commands show it without a traceback and end with exit code 1; anything else is a defect.
    """


class NewerVersionNeeded(ExpectedError):  # noqa: N818  (says what is needed)
    """A host met what only a newer reftrail can read, and must stop instead of going past it."""
