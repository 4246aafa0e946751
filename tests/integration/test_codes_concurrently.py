"""Eight processes issue codes at once, from so small a space that they keep drawing the same."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from support.codes import BY
from support.host_process import forking
from support.issuers import choose, give_codes, issue, open_and_close

from reftrail.codes.model import Code, Filter, FormatTerms, PerUser
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store

PROCESSES = 8
EACH = 250


def test_eight_processes_never_issue_one_code_twice(store_url: str) -> None:
    # The processes make the tables at once, too.
    with ProcessPoolExecutor(PROCESSES, mp_context=forking()) as pool:
        opened = [pool.submit(open_and_close, store_url) for _ in range(PROCESSES)]
        assert all(future.result() for future in opened)
        store = Store.open(store_url)
        codes = CodeService(store)
        codes.define_format(FormatTerms(name="small", pattern="S{body:3}"), BY)
        codes.define_format(FormatTerms(name="counted", pattern="N{sequence:####}"), BY)
        terms = FormatTerms(name="one", pattern="O{body:9}", campaign_id="one")
        codes.define_format(replace(terms, per_user=PerUser.ONE), BY)
        issued = list(pool.map(issue, [store_url] * PROCESSES))
        held = list(pool.map(give_codes, [store_url] * PROCESSES))
        chosen = list(pool.map(choose, [store_url] * PROCESSES))
    drawn = [code for codes_of_one, _, _ in issued for code in codes_of_one]
    counted = [code for _, codes_of_one, _ in issued for code in codes_of_one]
    assert len(drawn) == len(set(drawn)) == PROCESSES * EACH
    assert sorted(counted) == [f"N{number:04}" for number in range(1, PROCESSES * 10 + 1)]
    stored = everything(codes)
    assert {code.code for code in stored if code.format_name == "small"} == set(drawn)
    # To have n different ones of S takes S/S + S/(S-1) + ... + S/(S-n+1) draws on average: here
    # 2069, with a standard deviation of 9.
    collisions = sum(count for _, _, count in issued)
    assert 20 < collisions < 120
    assert held == [held[0]] * PROCESSES
    assert len(held[0]) == 10
    assert sum(chosen) == 1
    for code in stored[::50]:
        (line,) = codes.audit(code.code)
        assert (line.act, line.revision) == ("issued", 1)
    store.close()


def everything(codes: CodeService) -> list[Code]:
    found: list[Code] = []
    page = codes.page(Filter(), limit=1_000)
    found += page.codes
    while page.next_cursor is not None:
        page = codes.page(Filter(), cursor=page.next_cursor, limit=1_000)
        found += page.codes
    return found
