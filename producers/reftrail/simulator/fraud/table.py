"""A score as tables in Markdown, as they stand in the documents."""

from collections import Counter
from collections.abc import Iterator

from reftrail.simulator.fraud.score import Score, Tally
from reftrail.simulator.fraud.town import Story


def tables(score: Score) -> str:
    """Both tables: what became of whose rewards, and what each heuristic is worth."""
    return "\n".join([*_stories(score), "", *_heuristics(score)]) + "\n"


def percent(part: int, whole: int) -> str:
    """A share, or a dash where there is nothing to have a share of."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _stories(score: Score) -> Iterator[str]:
    yield (
        "| whose | what is assumed | rewards | held | rejected | granted | of these reversed "
        "| held or rejected |"
    )
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    by_kind = sorted(score.stories.items(), key=lambda item: (not item[0].is_fraud, item[0].name))
    for story, tally in by_kind:
        mark = "" if story.is_fraud else "honest: "
        yield _line(f"{mark}{story.name}", story.told, tally)
    yield _line("**fraud**", "", score.fraudulent())
    yield _line("**fraud but refund abuse**", "", score.seen_at_claim())
    yield _line("**honest**", "", score.honest())


def _line(name: str, told: str, tally: Tally) -> str:
    figures = (tally.rewards, tally.held, tally.rejected, tally.granted, tally.reversed)
    share = percent(tally.stopped, tally.rewards)
    return f"| {name} | {told} | {' | '.join(f'{one:,}' for one in figures)} | {share} |"


def _heuristics(score: Score) -> Iterator[str]:
    yield "| heuristic | spoke against | precision | recall | most of it in | recall there |"
    yield "|---|--:|--:|--:|---|--:|"
    frauds = score.fraudulent().rewards
    for reason, found in sorted(score.reasons.items()):
        by_fraud = Counter({story: n for story, n in found.items() if story.is_fraud})
        caught, spoke = by_fraud.total(), found.total()
        yield (
            f"| `{reason}` | {spoke:,} | {percent(caught, spoke)} | {percent(caught, frauds)} | "
            f"{_aim(score, by_fraud)} |"
        )


def _aim(score: Score, by_fraud: Counter[Story]) -> str:
    if not by_fraud:
        return "- | -"
    (story, found), *_ = by_fraud.most_common(1)
    return f"{story.name} | {percent(found, score.stories[story].rewards)}"
