"""Files of scenarios: read, and played one scenario after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reftrail.campaigns import Campaign, read_campaigns
from reftrail.campaigns.toml_file import FaultyFile, TomlFile, Where, read_toml
from reftrail.campaigns.validation import validated
from reftrail.contracts.errors import ExpectedError
from reftrail.scenarios.comparison import Comparison, UnmetExpectation
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.play import Play
from reftrail.scenarios.rejections import CannotHappen
from reftrail.scenarios.script import GivenCode, Scenario, Script

_PARTS = ("attributions", "ledger", "fulfil", "milestones", "refused", "rejected")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one scenario; line is where it begins in its file.

    found has all that came of it, by part.
    """

    file: Path
    line: int
    name: str
    differences: tuple[UnmetExpectation, ...]
    found: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A file of scenarios, and the campaigns that they are about."""

    file: TomlFile
    script: Script
    campaigns: tuple[Campaign, ...]

    def outcomes(self) -> list[Outcome]:
        """Play every scenario. Raises `FaultyFile` where one tells what can't be."""
        return [self._outcome(*numbered) for numbered in enumerate(self.script.scenario)]

    def _outcome(self, number: int, scenario: Scenario) -> Outcome:
        here: Where = ("scenario", number)
        play = Play(self.script.given, self.campaigns)
        self._define(play)
        self._give(play, self.script.given.codes, ("given", "codes"))
        self._give(play, scenario.given.codes, (*here, "given", "codes"))
        self._happen(play, self.script.given.events, ("given", "events"))
        self._happen(play, scenario.given.events, (*here, "given", "events"))
        play.begin()
        self._happen(play, scenario.when, (*here, "when"))
        comparison = Comparison(play)
        return Outcome(
            self.file.path,
            self.file.values[here].line,
            scenario.name,
            self._differences(comparison, scenario, here),
            tuple((part, comparison.in_words(part)) for part in _PARTS),
        )

    def _differences(
        self, comparison: Comparison, scenario: Scenario, where: Where
    ) -> tuple[UnmetExpectation, ...]:
        try:
            return tuple(comparison.differences(scenario.then))
        except CannotHappen as error:
            raise FaultyFile([self.file.fault((*where, "then"), str(error))]) from error

    def _define(self, play: Play) -> None:
        for number, given in enumerate(self.script.given.formats):
            try:
                play.define(given)
            except CannotHappen as error:
                raise self._fault(error, ("given", "formats", number)) from error

    def _give(self, play: Play, codes: Sequence[GivenCode], where: Where) -> None:
        for number, code in enumerate(codes):
            try:
                play.give(code)
            except (CannotHappen, ExpectedError) as error:
                raise self._fault(error, (*where, number)) from error

    def _happen(self, play: Play, happenings: Sequence[Happening], where: Where) -> None:
        for number, happening in enumerate(happenings):
            try:
                play.happen(happening)
            except (CannotHappen, ExpectedError) as error:
                raise self._fault(error, (*where, number)) from error

    def _fault(self, error: Exception, where: Where) -> FaultyFile:
        field = getattr(error, "field", None)
        place = where if field is None else (*where, field)
        return FaultyFile([self.file.fault(place, str(error))])


def read_scenarios(path: Path) -> ScenarioFile:
    """A file of scenarios. Raises `ExpectedError` that points to what is wrong in it."""
    file = read_toml(path)
    script = validated(file, Script, ())
    campaigns = []
    for number, name in enumerate(script.given.campaigns):
        try:
            campaigns += read_campaigns(path.parent / name)
        except FaultyFile:
            raise
        except ExpectedError as error:
            where: Where = ("given", "campaigns", number)
            raise FaultyFile([file.fault(where, str(error))]) from error
    return ScenarioFile(file, script, tuple(campaigns))
