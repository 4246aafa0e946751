"""Expected attributions: who referred a user, seen from the whole history of a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reftrail.contracts.record import Millis
from reftrail.simulator.journey import BOT
from reftrail.simulator.occurrence import Occurrence, Step
from reftrail.simulator.programme import Programme


class Attribution(NamedTuple):
    """The true referrer of a user: the code, the ground, and the touch."""

    code: str
    basis: str
    touch_event_id: str | None
    touch_time: Millis


@dataclass(frozen=True, slots=True)
class Referrers:
    """Finds out who referred a user, under the campaigns and codes of a programme."""

    programme: Programme

    def of(self, user: str, steps: Sequence[Step]) -> tuple[Attribution | None, Attribution | None]:
        """The referrer of a user; None also if they never signed up.

        Before it the decision that a late touch has corrected, if one has. steps are those of the
        person, with all devices and accounts.
        """
        signup = signup_of(user, steps)
        if signup is None:
            return None, None
        history = [step for step in steps if _is_about(step.event, user, signup.visitor_id)]
        before, by = self._by_own_device(signup, history)
        identified = {
            step.event.visitor_id
            for step in steps
            if step.event.type == "identified" and step.event.user_id == user
        }
        others = [
            step.event
            for step in steps
            if step.event.visitor_id in identified and self._is_touch(step.event)
        ]
        touch = self._best_touch(others, signup.event_time)
        if touch is None or touch.code is None:
            return before, by
        on_other = Attribution(touch.code, "identified", touch.event_id, touch.event_time)
        return before, min(
            (attribution for attribution in (on_other, by) if attribution is not None), key=_when
        )

    def _by_own_device(
        self, signup: Occurrence, history: Sequence[Step]
    ) -> tuple[Attribution | None, Attribution | None]:
        """The referrer of a user by the touches on the device of the signup, and by its code."""
        nth = next(at for at, step in enumerate(history) if step.event is signup)
        in_time = [step.event for step in history[:nth] if self._is_touch(step.event)]
        touch = self._best_touch(in_time, signup.event_time)
        typed = signup.code
        if typed is not None and self._goes_before(typed, signup.event_time, touch):
            return None, Attribution(typed, "typed_code", None, signup.event_time)
        late = self._late_touch(in_time, history[nth + 1 :], signup.event_time)
        if touch is not None and touch.code is not None:
            first = Attribution(touch.code, "first_touch", touch.event_id, touch.event_time)
            if late is not None and self._pays_later(touch.code, signup.event_time):
                return first, late
            return None, first
        return None, late

    def _late_touch(
        self, in_time: Sequence[Occurrence], later: Sequence[Step], at: Millis
    ) -> Attribution | None:
        """The attribution by a touch that would have been the first, had it not come in late."""
        for step in later:
            late = step.event
            if (
                self._is_touch(late)
                and late.code is not None
                and not step.straggler
                and self._best_touch([*in_time, late], at) is late
            ):
                return Attribution(late.code, "late_touch", late.event_id, late.event_time)
        return None

    def _pays_later(self, code: str, at: Millis) -> bool:
        """Whether nothing is earned with the signup, so that a decision can still be corrected.

        Where the decision can be, the simulated user buys nothing.
        """
        if self.programme.campaign_of(code).trigger != "signup":
            return True
        is_suspended = self.programme.codes[code].status == "suspended"
        return is_suspended or self._has_ended(code, at)

    def _has_ended(self, code: str, at: Millis) -> bool:
        """Whether a code had been revoked, as simulated ones are from the start, or had expired."""
        known = self.programme.codes.get(code)
        if known is None:
            return False
        is_over = known.expires_at is not None and at >= known.expires_at
        return is_over or known.status == "revoked"

    def _goes_before(self, typed: str, at: Millis, touch: Occurrence | None) -> bool:
        """Whether a typed code decides: the better one does, and of two alike the campaign says."""
        if touch is None or touch.code is None:
            return True
        is_good = typed in self.programme.codes and not self._has_ended(typed, at)
        if is_good == self._has_ended(touch.code, touch.event_time):
            return is_good
        return self._typed_code_wins(typed)

    def _best_touch(self, touches: Sequence[Occurrence], at: Millis) -> Occurrence | None:
        """The first touch under a good code; without one, that under a code that had ended."""
        good: list[Occurrence] = []
        ended: list[Occurrence] = []
        for touch in touches:
            is_over = touch.code is not None and self._has_ended(touch.code, touch.event_time)
            (ended if is_over else good).append(touch)
        return self._first_touch(good, at) or self._first_touch(ended, at)

    def _is_touch(self, event: Occurrence) -> bool:
        if event.type not in {"view", "click"} or event.user_agent == BOT:
            return False
        if event.code is None or event.code not in self.programme.codes:
            return False
        return event.type == "click" or self.programme.campaign_of(event.code).counts_views

    def _first_touch(self, touches: Sequence[Occurrence], at: Millis) -> Occurrence | None:
        """The touch that counts at a time: the first of all, or the first after that expired."""
        first, until = None, -1
        for touch in sorted(
            touches, key=lambda occurrence: (occurrence.event_time, occurrence.event_id)
        ):
            if until < touch.event_time <= at and touch.code is not None:
                first = touch
                window = self.programme.campaign_of(touch.code).attribution_window_ms
                until = touch.event_time + window
        return first if until >= at else None

    def _typed_code_wins(self, code: str) -> bool:
        return code in self.programme.codes and self.programme.campaign_of(code).typed_code_wins


def signup_of(user: str, steps: Sequence[Step]) -> Occurrence | None:
    """The signup of a user, who has at most one."""
    signups = (step.event for step in steps if step.event.type == "signup")
    return next((event for event in signups if event.user_id == user), None)


def _is_about(event: Occurrence, user: str, visitor: str | None) -> bool:
    """Whether an event is one of the user, or of the visitor who signed up as the user."""
    return event.user_id == user or (event.user_id is None and event.visitor_id == visitor)


def _when(attribution: Attribution) -> tuple[Millis, str]:
    return attribution.touch_time, attribution.touch_event_id or ""
