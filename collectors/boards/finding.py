"""What can be read of a board, from a look at it over its Link: of a Jetson as on itself, of any other as on a host."""

from dataclasses import dataclass, replace
from typing import Final

from edgewatt.collectors.android.files import cpu
from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.boards import chips, powercap
from edgewatt.collectors.boards.facts import CANDIDATES as FACTS
from edgewatt.collectors.boards.look import JETSON, Answers, look_at_board, roots_of
from edgewatt.collectors.jetson import finding, heat
from edgewatt.collectors.jetson.look import BoardLook
from edgewatt.collectors.transports.reached import Reached
from edgewatt.device_profiles.loader import DeviceProfile, load

LINUX: Final = "board"
_CANDIDATES: Final = (*JETSON, *chips.CANDIDATES, *powercap.CANDIDATES, *FACTS)
# So long a counter has time to move between two looks (assumed: RAPL moves every millisecond, and seldom when idle).
BETWEEN_LOOKS_S: Final = 0.15


@dataclass(frozen=True, slots=True)
class Survey:
    """A look, and what the board's shell said beside it."""

    look: BoardLook
    answers: Answers
    is_jetson: bool = False

    @property
    def collector(self) -> str:
        """What its stream and its joules are called."""
        return finding.COLLECTOR if self.is_jetson else LINUX


def survey_board(board: Reached, *, profile: DeviceProfile | None = None, rails_s: float | None = None) -> Survey:
    """Look at the board. `profile` is a Jetson's (None: by its device tree), `rails_s` how often rails are read.

    Raises DeviceError if it does not answer.
    """
    answers = look_at_board(board, _CANDIDATES)
    roots = roots_of(board)
    look = finding.look_at(answers.seen, roots, profile=profile, rails_s=rails_s)
    if finding.is_jetson(look):
        return Survey(look, answers, is_jetson=True)
    counters = [path for path in look.matching(powercap.ENERGY) if look.text(path) is not None]
    earlier = answers.seen
    if counters:
        board.sleep(BETWEEN_LOOKS_S)
        answers = replace(answers, seen={**answers.seen, **survey(board, (powercap.ENERGY,))})
    linux = load("linux_hwmon")
    return Survey(replace(look, seen=answers.seen, profile=linux, earlier=earlier if counters else {}), answers)


def find(surveyed: Survey) -> Found:
    """The nodes, the joules that may be formed, the facts, and what cannot be measured."""
    look = surveyed.look
    if surveyed.is_jetson:
        return finding.find(look)
    found = chips.find(look, surveyed.answers.devices, LINUX).and_(powercap.find(look, LINUX))
    for part in (cpu.find, finding.memory, heat.find):
        found = found.and_(part(look))
    return finding.distinct(replace(found, facts={**found.facts, "profile": look.profile.name}))
