"""Processes that issue codes at the same time."""

from contextlib import suppress
from itertools import repeat

from reftrail.codes.model import ActRefused, Terms
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from support.codes import BY, SUMMER


def issue(url: str) -> tuple[list[str], list[str], int]:
    """The codes that one process issues, random and structured, and its draws in vain."""
    store = Store.open(url)
    codes = CodeService(store)
    drawn: list[str] = []
    for count in (1, 9, 240):
        for chunk in codes.issue_each(repeat(SUMMER, count), BY, format_name="small"):
            drawn += [code.code for code in chunk]
    counted = [codes.issue(SUMMER, BY, format_name="counted").code for _ in range(10)]
    collisions = codes.metrics.collisions.labels("small")._value.get()
    store.close()
    return drawn, counted, int(collisions)


def give_codes(url: str) -> set[str]:
    """One process's codes for the users 0 to 9, each of whom may have one."""
    store = Store.open(url)
    codes = CodeService(store)
    terms = [Terms(campaign_id="one", owner_user_id=f"user{n}") for n in range(10)]
    given = {codes.issue(code_terms, BY).code for code_terms in terms}
    store.close()
    return given


def choose(url: str) -> int:
    """The number of codes that one process gets of three that look alike."""
    store = Store.open(url)
    codes = CodeService(store)
    got = 0
    for wanted in ("AMYO", "AMY0", "AMYO"):
        with suppress(ActRefused):
            codes.issue_chosen(wanted, SUMMER, BY)
            got += 1
    store.close()
    return got


def open_and_close(url: str) -> bool:
    Store.open(url).close()
    return True
