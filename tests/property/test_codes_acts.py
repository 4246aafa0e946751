"""Whatever is done to codes: the store, its audit log and what Kafka gets tell one story."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.codes import BY, SECRET, sqlite_url
from support.draws import seeded

from reftrail.codes.model import (
    ActRefused,
    By,
    Changes,
    Code,
    Filter,
    FormatTerms,
    GivenCode,
    PerUser,
    Signup,
    Terms,
)
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store, outbox
from reftrail.codes.store.rows import state_of
from reftrail.contracts.codec import decode
from reftrail.contracts.record import Record
from reftrail.contracts.reference import (
    CodeAct,
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
    FormatKind,
)

CAMPAIGNS = ("summer", "winter", "spring")
USERS = (None, "amy", "bob")
FORMATS = (
    FormatTerms(name="tiny", pattern="T{body:1}", campaign_id="summer"),
    FormatTerms(
        name="one",
        pattern="W{body:4}",
        campaign_id="winter",
        per_user=PerUser.ONE,
        on_signup=True,
    ),
    FormatTerms(name="counted", pattern="N-{sequence:##}"),
    FormatTerms(
        name="derived", pattern="SPR{body:6}{check}", kind=FormatKind.DERIVED, campaign_id="spring"
    ),
)
EMPTY: dict[str, Any] = state_of(
    Code(
        changed=CodeChanged(
            event_id="", event_time=0, received_at=0, code="", campaign_id="", created_at=0
        )
    )
)

Act = Callable[[CodeService, By], object]

terms = st.builds(
    Terms,
    campaign_id=st.sampled_from(CAMPAIGNS),
    owner_user_id=st.sampled_from(USERS),
    max_distributes=st.sampled_from((None, 1, 3)),
    channels=st.sampled_from(((), ("web",), ("web", "mail"))),
    expires_at=st.sampled_from((None, (BY.at or 0) + 5, (BY.at or 0) + 50)),
)
places = st.integers(0, 30)
texts = st.sampled_from(("AMY", "AMY0", "AMYO", "BOB", "T2", "SPRAAAAAAA"))
some_changes = st.builds(
    Changes,
    max_uses=st.sampled_from((None, 2)),
    channel_limits=st.sampled_from(({}, {"web": 1})),
    expires_at=st.sampled_from((None, (BY.at or 0) + 7)),
)


def on(place: int, act: Callable[[CodeService, str, By], object]) -> Act:
    """An act on one of the codes that there are, or on a derived one."""

    def do(codes: CodeService, by: By) -> object:
        known = [code.code for code in codes.page(Filter()).codes]
        known += next(codes.derived_codes("derived").batches(1, 3))
        return act(codes, known[place % len(known)], by)

    return do


acts: st.SearchStrategy[Act] = st.one_of(
    st.builds(
        lambda t, n: lambda codes, by: list(codes.issue_each([t] * n, by)), terms, st.integers(1, 4)
    ),
    st.builds(lambda t: lambda codes, by: codes.issue(t, by, format_name="counted"), terms),
    st.builds(lambda w, t: lambda codes, by: codes.issue_chosen(w, t, by), texts, terms),
    st.builds(lambda n: lambda codes, by: codes.issue_derived("derived", n, by), st.integers(1, 9)),
    st.builds(
        lambda many: (
            lambda codes, by: codes.import_codes(
                [GivenCode(code=code, terms=given_terms) for code, given_terms in many], by
            )
        ),
        st.lists(st.tuples(texts, terms), max_size=3),
    ),
    st.builds(
        lambda c, t: lambda codes, by: codes.register([GivenCode(code=c, terms=t)], by),
        texts,
        terms,
    ),
    st.builds(
        lambda users: (
            lambda codes, by: codes.issue_at_signup([Signup(user_id=user) for user in users], by)
        ),
        st.lists(st.sampled_from(("amy", "bob", "cleo")), max_size=3),
    ),
    st.builds(
        lambda p, user: on(p, lambda codes, c, by: codes.bind(c, by, owner_user_id=user)),
        places,
        st.sampled_from(USERS),
    ),
    st.builds(
        lambda p, i: on(p, lambda codes, c, by: codes.bind(c, by, record=("ticket", i))),
        places,
        st.sampled_from(("1", "2")),
    ),
    st.builds(
        lambda p, new: on(p, lambda codes, c, by: codes.change(c, by, new)), places, some_changes
    ),
    st.builds(
        lambda p, where, n: on(
            p, lambda codes, c, by: codes.distribute(c, by, channel=where, count=n)
        ),
        places,
        st.sampled_from((None, "web", "mail")),
        st.integers(0, 2),
    ),
    *(
        st.builds(
            lambda p, name=name: on(p, lambda codes, c, by: getattr(codes, name)(c, by)), places
        )
        for name in ("suspend", "reactivate", "revoke", "expire", "reissue")
    ),
    st.builds(
        lambda act, which: lambda codes, by: list(codes.act_on_all(act, which, by)),
        st.sampled_from((CodeAct.SUSPENDED, CodeAct.REACTIVATED, CodeAct.REVOKED, CodeAct.EXPIRED)),
        st.sampled_from(
            (
                Filter(campaign_id="summer"),
                Filter(prefix="T"),
                Filter(owner_user_id="amy"),
                Filter(expires_before=(BY.at or 0) + 10),
            )
        ),
    ),
)


@settings(max_examples=40)
@given(st.lists(acts, max_size=25), st.integers(0, 2**32))
def test_store_audit_log_and_messages_agree(done: list[Act], seed: int) -> None:
    with seeded(seed), a_service() as (codes, store):
        for minute, act in enumerate(done):
            before = sent(store)
            try:
                act(codes, By(actor=f"a{minute}", at=(BY.at or 0) + minute))
            except ActRefused:
                assert sent(store) == before
        check(codes, store)


def check(codes: CodeService, store: Store) -> None:
    messages = sent(store)
    changed: dict[str, list[CodeChanged]] = defaultdict(list)
    lines: dict[str | None, list[CodeActed]] = defaultdict(list)
    defined: dict[str, list[CodeFormatDefined]] = defaultdict(list)
    for message in messages:
        match message:
            case CodeChanged():
                changed[message.code].append(message)
            case CodeActed():
                lines[message.code].append(message)
            case CodeFormatDefined():
                defined[message.name].append(message)
    stored = codes.page(Filter(), limit=1_000).codes
    assert [code.code for code in stored] == sorted(changed) == sorted(filter(None, lines))
    for code in stored:
        audit = codes.audit(code.code)
        assert audit == lines[code.code]
        numbers = list(range(1, len(audit) + 1))
        assert [line.revision for line in audit] == numbers
        assert [change.revision for change in changed[code.code]] == numbers
        assert changed[code.code][-1] == code.changed
        assert fold(audit) == state_of(code)
    for known in codes.formats():
        records = defined.pop(known.defined.name)
        assert [record.revision for record in records] == list(range(1, len(records) + 1))
        assert records[-1] == known.defined
    assert not defined
    issued = sum(line.codes for line in lines[None])
    assert issued == sum(known.defined.count for known in codes.formats())
    ids = [message.event_id for message in messages]
    assert len(set(ids)) == len(ids)
    holders = [
        (code.changed.campaign_id, code.changed.owner_user_id)
        for code in stored
        if code.changed.campaign_id == "winter" and code.changed.status != "revoked"
        if code.changed.owner_user_id is not None
    ]
    assert len(set(holders)) == len(holders)


def fold(audit: list[CodeActed]) -> dict[str, Any]:
    """The state to which the audit lines of a code add up; each must follow from the one before."""
    state = dict(EMPTY)
    for number, line in enumerate(audit):
        before = json.loads(line.before) if line.before is not None else {}
        assert (line.before is None) == (number == 0)
        assert before == {name: state[name] for name in before}
        after = json.loads(line.after or "{}")
        assert number == 0 or (before.keys() == after.keys() and before != after)
        state |= after
    return state


def sent(store: Store) -> list[Record]:
    with store.read() as connection:
        return [decode(message.value) for message in outbox.first_waiting(connection, 100_000)]


@contextmanager
def a_service() -> Iterator[tuple[CodeService, Store]]:
    """A service of the formats above, on a store of its own."""
    with (
        tempfile.TemporaryDirectory() as directory,
        closing(Store.open(sqlite_url(Path(directory)))) as store,
    ):
        codes = CodeService(store, secret=SECRET, clock=lambda: BY.at or 0)
        for code_format in FORMATS:
            codes.define_format(code_format, BY)
        codes.issue_derived("derived", 3, BY, worst_odds=1.0)
        yield codes, store
