"""Differences between a log and its derivation, and their wording."""

import msgspec
from support.programme import entry

from reftrail.contracts.topics import REWARDS
from reftrail.reports.explain.derivation import compare
from reftrail.reports.explain.explanation import Derivation, Explanation, as_text
from reftrail.reports.explain.log import LogMessage

GRANT = entry("r1", "AMY", "uma", value=5_000_000)
OTHER = entry("r2", "AMY", "uma", value=5_000_000)


def logged(record: msgspec.Struct, offset: int = 7) -> LogMessage:
    return LogMessage("rewards", 3, offset, record)  # type: ignore[arg-type]


def test_the_same_to_the_byte_is_no_difference() -> None:
    assert compare(REWARDS, [logged(GRANT)], [msgspec.structs.replace(GRANT)]) == []
    assert compare(REWARDS, [], []) == []


def test_each_field_that_differs_is_told_with_both_values_and_its_place() -> None:
    (found,) = compare(
        REWARDS,
        [logged(GRANT)],
        [msgspec.structs.replace(GRANT, score=70, reasons=["ring"])],
    )

    assert (found.what, found.partition, found.offset) == ("differs", 3, 7)
    assert found.fields == {"score": (None, 70), "reasons": ([], ["ring"])}


def test_what_only_one_of_them_has_is_told() -> None:
    found = compare(REWARDS, [logged(GRANT)], [OTHER])

    assert [(mismatch.event_id, mismatch.what) for mismatch in found] == [
        (OTHER.event_id, "was derived, but isn't in the log"),
        (GRANT.event_id, "is in the log, but wasn't derived"),
    ]


def test_as_often_as_it_is_there() -> None:
    twice = compare(REWARDS, [logged(GRANT), logged(GRANT, 8)], [GRANT])
    assert [(mismatch.what, mismatch.offset) for mismatch in twice] == [("is in the log twice", 8)]

    again = compare(REWARDS, [logged(GRANT)], [GRANT, GRANT])
    assert [mismatch.what for mismatch in again] == ["was derived twice"]


def test_how_it_reads() -> None:
    differences = compare(REWARDS, [logged(GRANT)], [msgspec.structs.replace(GRANT, score=70)])
    derivation = Derivation(
        stage="reward",
        rules="1",
        verdict="differs",
        inputs=[],
        facts=[],
        outputs=1,
        differences=differences,
        gaps=["reward-inputs/3 begins at offset 9"],
    )
    text = as_text(
        Explanation(
            as_of=None,
            code="AMY",
            user_id="uma",
            summary=[],
            stories=[],
            terms={},
            derivations=[derivation],
        )
    )

    assert "   reward       differs: 1 event from 0 inputs, rules 1\n" in text
    assert "score is None in the log, derived 70" in " ".join(text.split())
    assert "! reward-inputs/3 begins at offset 9" in text
