"""Scores as tables in Markdown, as the documents have them."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reftrail.simulator.fraud.score import Score, Tally
from reftrail.simulator.fraud.town import Story


def tables(score: Score, by_seed: Mapping[int, Score]) -> str:
    """Three tables: each seed, what became of whose rewards, what each heuristic is worth."""
    lines = [*_seeds(by_seed), "", *_stories(score), "", *_heuristics(score)]
    return "\n".join(lines) + "\n"


def percent(part: int, whole: int, digits: int = 1) -> str:
    """A share, or a dash where there is nothing to have a share of."""
    return f"{100 * part / whole:.{digits}f} %" if whole else "-"


def _seeds(by_seed: Mapping[int, Score]) -> Iterator[str]:
    yield "| seed | fraud held or rejected | but refund abuse | honest held or rejected |"
    yield "|---|--:|--:|--:|"
    for seed, score in by_seed.items():
        tallies = (score.fraudulent(), score.seen_at_claim(), score.honest())
        shares = " | ".join(percent(tally.stopped, tally.rewards, 2) for tally in tallies)
        yield f"| {seed} | {shares} |"


def _stories(score: Score) -> Iterator[str]:
    yield (
        "| whose | what is assumed | rewards | held | rejected | granted | of these reversed "
        "| held or rejected |"
    )
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    by_kind = sorted(score.stories.items(), key=lambda item: (not item[0].is_fraud, item[0].name))
    for story, tally in by_kind:
        mark = "" if story.is_fraud else "honest: "
        yield _line(f"{mark}{story.name}", story.assumed, tally)
    yield _line("**fraud**", "", score.fraudulent())
    yield _line("**fraud but refund abuse**", "", score.seen_at_claim())
    yield _line("**honest**", "", score.honest())


def _line(name: str, assumed: str, tally: Tally) -> str:
    figures = (tally.rewards, tally.held, tally.rejected, tally.granted, tally.reversed)
    share = percent(tally.stopped, tally.rewards, 2 if name.startswith("**") else 1)
    return f"| {name} | {assumed} | {' | '.join(f'{figure:,}' for figure in figures)} | {share} |"


def _heuristics(score: Score) -> Iterator[str]:
    yield (
        "| heuristic | spoke against | precision | recall | most of it in | recall there "
        "| decides: fraud | decides: honest |"
    )
    yield "|---|--:|--:|--:|---|--:|--:|--:|"
    frauds = score.fraudulent().rewards
    for reason, found in sorted(score.reasons.items()):
        by_fraud = Counter({story: n for story, n in found.items() if story.is_fraud})
        caught, spoke = by_fraud.total(), found.total()
        decided = score.decided[reason]
        frauds_only = sum(n for story, n in decided.items() if story.is_fraud)
        yield (
            f"| `{reason}` | {spoke:,} | {percent(caught, spoke)} | {percent(caught, frauds)} | "
            f"{_aim(score, by_fraud)} | {frauds_only:,} | {decided.total() - frauds_only:,} |"
        )


def _aim(score: Score, by_fraud: Counter[Story]) -> str:
    if not by_fraud:
        return "- | -"
    (story, found), *_ = by_fraud.most_common(1)
    return f"{story.name} | {percent(found, score.stories[story].rewards)}"
