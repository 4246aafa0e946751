"""Acts on codes: binding, changing, handing out, statuses and replacement."""

import json
from dataclasses import replace
from itertools import repeat

import pytest
from support.code_service import AMY, DERIVED, LATER, NOW, PLACE, STRUCTURED, refused
from support.codes import BY, SUMMER

from reftrail.codes.answers import Answer
from reftrail.codes.model import (
    Changes,
    Filter,
    Terms,
    Why,
)
from reftrail.codes.service import CodeService
from reftrail.contracts.reference import (
    CodeAct,
    CodeStatus,
)


def test_binding_either_side_later(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    assert codes.bind(code, BY, owner_user_id="amy").changed.owner_user_id == "amy"
    bound = codes.bind(code, BY, record=("ticket", "1"))
    assert (bound.changed.owner_user_id, bound.changed.record_id) == ("amy", "1")
    assert codes.bind(code, BY, owner_user_id="amy") == bound
    refused(Why.CLASH, lambda: codes.bind(code, BY, owner_user_id="eve"))
    refused(Why.CLASH, lambda: codes.bind(code, BY, record=("ticket", "2")))
    refused(Why.INVALID, lambda: codes.bind(code, BY))
    refused(Why.NOT_FOUND, lambda: codes.bind("NOWHERE", BY, owner_user_id="amy"))
    assert [line.revision for line in codes.audit(code)] == [1, 2, 3]


def test_changing(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    changes = Changes(max_uses=5, regions=("us",), channel_limits={"mail": 2}, notes="x")
    changed = codes.change(code, LATER, changes)
    assert (changed.changed.max_uses, changed.changed.regions) == (5, ["US"])
    assert changed.channel_limits == {"mail": 2}
    line = codes.audit(code)[1]
    assert json.loads(line.before or "") == {
        "max_uses": None,
        "regions": [],
        "channel_limits": {},
        "notes": None,
    }
    assert codes.change(code, LATER, Changes(max_uses=None)).changed.max_uses is None
    refused(Why.INVALID, lambda: codes.change(code, BY, Changes(max_distributes=-1)))
    codes.revoke(code, BY)
    refused(Why.STATUS, lambda: codes.change(code, BY, Changes(notes="y")))


def test_handing_out_counts_and_stops_at_the_limits(codes: CodeService) -> None:
    terms = replace(SUMMER, max_distributes=4, channel_limits={"mail": 2})
    code = codes.issue(terms, BY).code
    codes.distribute(code, BY, channel="mail", count=2)
    refused(Why.LIMIT, lambda: codes.distribute(code, BY, channel="mail"))
    codes.distribute(code, BY, channel="web")
    done = codes.distribute(code, BY)
    assert (done.distributed, done.distributed_by_channel) == (4, {"mail": 2, "web": 1})
    assert done.left_to_distribute == 0
    assert json.loads(codes.audit(code)[2].after or "") == {
        "distributed": 3,
        "distributed_by_channel": {"mail": 2, "web": 1},
    }
    refused(Why.LIMIT, lambda: codes.distribute(code, BY))
    refused(Why.INVALID, lambda: codes.distribute(code, BY, count=0))
    assert codes.verify(code).is_valid
    assert codes.verify(code, distributing=True).answer == Answer.USED_UP
    assert codes.find(code) == done
    elsewhere = codes.issue(replace(SUMMER, channels=("web",)), BY).code
    refused(Why.LIMIT, lambda: codes.distribute(elsewhere, BY, channel="mail"))


def test_statuses(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    assert codes.suspend(code, BY).changed.status == "suspended"
    assert codes.suspend(code, BY).changed.revision == 2
    refused(Why.STATUS, lambda: codes.distribute(code, BY))
    assert codes.reactivate(code, BY).changed.status == "active"
    expired = codes.expire(code, LATER)
    assert (expired.changed.status, expired.changed.expires_at) == ("expired", LATER.at)
    refused(Why.STATUS, lambda: codes.reactivate(code, LATER))
    codes.change(code, LATER, Changes(expires_at=None))
    assert codes.reactivate(code, LATER).changed.status == "active"
    assert codes.revoke(code, BY).changed.status == "revoked"
    revoked = codes.revoke(code, BY)
    refused(Why.STATUS, lambda: codes.reactivate(code, BY))
    refused(Why.STATUS, lambda: codes.suspend(code, BY))
    assert codes.find(code) == revoked
    acts = [line.act for line in codes.audit(code)]
    assert acts == [
        "issued",
        "suspended",
        "reactivated",
        "expired",
        "changed",
        "reactivated",
        "revoked",
    ]


def test_since_when_a_code_is_stopped_stays_known(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    codes.suspend(code, BY)
    changed = codes.change(code, LATER, Changes(notes="x")).changed
    assert (changed.event_time, changed.revision) == (NOW, 3)
    assert codes.audit(code)[2].event_time == LATER.at
    assert codes.reactivate(code, LATER).changed.event_time == LATER.at


def test_a_code_is_replaced_by_one_on_the_same_terms(codes: CodeService) -> None:
    old = codes.issue(replace(AMY, max_uses=3, channel_limits={"mail": 2}), BY)
    codes.distribute(old.code, BY, channel="mail")
    done = codes.reissue(old.code, LATER)
    assert done.old.changed.status == "revoked"
    assert done.new.code != old.code
    assert (done.new.changed.owner_user_id, done.new.changed.record_id) == ("amy", "77")
    assert (done.new.changed.max_uses, done.new.distributed) == (3, 0)
    assert done.new.channel_limits == {"mail": 2}
    hidden = done.new.without_record().changed
    assert (hidden.record_kind, hidden.record_id) == (None, None)
    old_line, new_line = codes.audit(old.code)[-1], codes.audit(done.new.code)[0]
    assert (old_line.act, new_line.act) == ("reissued", "issued")
    assert old_line.batch_id == new_line.batch_id is not None
    refused(Why.STATUS, lambda: codes.reissue(old.code, BY))


def test_a_structured_code_is_replaced_by_the_next_of_its_place(codes: CodeService) -> None:
    codes.define_format(STRUCTURED, BY)
    old = codes.issue(SUMMER, BY, format_name="programme", **PLACE)
    assert codes.reissue(old.code, BY).new.code == "PRG-2025-US-002-A"


def test_a_derived_or_chosen_code_is_replaced_by_a_drawn_one(codes: CodeService) -> None:
    codes.define_format(DERIVED, BY)
    codes.issue_derived("spring", 10, BY)
    genuine = codes.derived_codes("spring").code(3)
    new = codes.reissue(genuine, BY).new
    assert (new.format_name, new.changed.campaign_id) == ("random", "spring")
    assert codes.verify(genuine).answer == Answer.REVOKED
    chosen = codes.issue_chosen("AMYS", AMY, BY)
    assert codes.reissue(chosen.code, BY).new.format_name == "random"


@pytest.mark.usefixtures("chunks_of_100")
def test_acts_on_many(codes: CodeService) -> None:
    for campaign in ("summer", "winter"):
        list(codes.issue_each(repeat(Terms(campaign_id=campaign), 150), BY))
    summer = Filter(campaign_id="summer")
    some = codes.page(summer, limit=2).codes
    codes.revoke(some[0].code, BY)
    chunks = list(codes.act_on_all(CodeAct.SUSPENDED, summer, BY))
    assert [len(chunk) for chunk in chunks] == [100, 49]
    assert {code.changed.status for chunk in chunks for code in chunk} == {"suspended"}
    assert len({codes.audit(code.code)[-1].batch_id for code in chunks[0][::20]}) == 1
    assert list(codes.act_on_all(CodeAct.SUSPENDED, summer, BY)) == []
    prefix = Filter(prefix=chunks[0][0].code)
    ((one,),) = codes.act_on_all(CodeAct.REVOKED, prefix, BY)
    assert one.code == chunks[0][0].code
    active = codes.page(Filter(campaign_id="winter", status=CodeStatus.ACTIVE), limit=150)
    assert len(active.codes) == 150
    refused(Why.INVALID, lambda: codes.act_on_all(CodeAct.REVOKED, Filter(), BY))
    refused(Why.INVALID, lambda: codes.act_on_all(CodeAct.BOUND, summer, BY))


def test_codes_that_ran_out_are_noted(codes: CodeService) -> None:
    ends = [NOW + 10, NOW + 20, None]
    issued = [codes.issue(replace(SUMMER, expires_at=at), BY).code for at in ends]
    when = replace(BY, at=NOW + 10)
    ((code,),) = codes.act_on_all(CodeAct.EXPIRED, Filter(expires_before=NOW + 11), when)
    assert (code.code, code.changed.expires_at) == (issued[0], NOW + 10)
