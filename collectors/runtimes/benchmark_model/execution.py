"""One execution of a runner on the phone: attached to its connection, or without one, its log fetched afterwards."""

import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.runtimes.benchmark_model import runner_script
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, parse
from edgewatt.collectors.runtimes.benchmark_model.printed import Listening, Printed
from edgewatt.collectors.runtimes.benchmark_model.runner_script import Execution, Place
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.errors import DeviceError

# How often a phone is asked whether a detached runner has ended, once it should have: every tenth of what was expected,
# between these.
POLL_S: Final = (0.5, 5.0)
# A phone that is cut off on purpose while it measures may stay away for so long beyond that.
AWAY_S: Final = 60
# The log has at most this much more than what the runner may print: its last line, and one that is half there.
_LOG_LIMIT_B: Final = 2 * runner_script.OUTPUT_LIMIT_B
_TAIL_B: Final = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: how long it should take, how long it may be silent, and when it is ended in any case."""

    expected_s: float
    silence_s: float
    total_s: float


@dataclass(slots=True)
class Outcome:
    """What came of it; `ended_after_s`: it was ended by us after that, for being silent or for taking too long."""

    printed: Printed
    parsed: Parsed = field(default_factory=Parsed)
    stderr: str = ""
    ended_after_s: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the runner ended by itself, or printed too much."""
        return self.printed.returncode is not None or self.printed.over

    @property
    def tail(self) -> str:
        """The end of what was printed, by the runner and by the phone's shell."""
        return bytes(self.printed.raw[-_TAIL_B:]).decode(errors="replace") + self.stderr


def new_token() -> str:
    """A mark that no tool prints by accident."""
    return f"edgewatt-{secrets.token_hex(8)}"


def attached(phone: Phone, place: Place, execution: Execution, limits: Limits, outcome: Outcome) -> None:
    """Run it and listen. Raises LinkLost; what was heard before is in `outcome`."""
    stream = phone.link.stream(runner_script.attached(place, execution))
    listening = Listening(stream, limits.silence_s, limits.total_s, phone.monotonic_s)
    lost = False
    try:
        outcome.parsed = parse(outcome.printed.lines(listening.chunks()))
        if listening.silent or listening.late:
            outcome.ended_after_s = limits.silence_s if listening.silent else limits.total_s
        elif not outcome.ended and stream.returncode is None:
            lost = True
    except LinkLost:
        lost = True
        raise
    finally:
        outcome.stderr = stream.stderr.decode(errors="replace")
        stream.close()  # which ends the runner, if the phone hears it
        if not lost and not outcome.ended:
            with suppress(DeviceError):
                end(phone, place)
    if lost:
        raise LinkLost(f"{phone.uri}: the connection ended before the runner did")


def detached(phone: Phone, place: Place, execution: Execution, limits: Limits, outcome: Outcome) -> None:
    """Run it with nothing between the phone and us until it should have ended, then fetch what it printed.

    Raises LinkLost if the phone does not come back or ended it, DeviceError if it cannot say what was printed.
    """
    phone.guard.wait_longer(round(limits.expected_s) + AWAY_S)
    started = phone.link.run(runner_script.detached(place, execution), timeout_s=30.0)
    if started.returncode != 0:
        raise DeviceError(f"{phone.uri}: cannot start the runner: {started.stderr[:300].decode(errors='replace')}")
    try:
        outcome.ended_after_s = _wait(phone, place, limits)
    except LinkLost:
        raise
    except BaseException:
        with suppress(DeviceError):
            end(phone, place)
        raise
    log = phone.sh(f"cat {shlex.quote(place.log)}", timeout_s=60.0, limit_b=_LOG_LIMIT_B).stdout
    outcome.parsed = parse(outcome.printed.lines([log]))
    if not outcome.ended and outcome.ended_after_s is None:
        raise LinkLost(f"{phone.uri}: what logs the runner is gone, as when all that adbd started is ended with it")
    phone.guard.wait_longer()


def _wait(phone: Phone, place: Place, limits: Limits) -> float | None:
    """Until it has ended, or is gone; the limit after which it was ended, if it had to be."""
    began_s = phone.monotonic_s()
    phone.sleep(limits.expected_s)
    while phone.sh(runner_script.look(place)).stdout.strip() == runner_script.RUNS.encode():
        if phone.monotonic_s() - began_s > limits.total_s:
            end(phone, place)
            return limits.total_s
        phone.sleep(min(max(POLL_S[0], limits.expected_s / 10), POLL_S[1]))
    return None


def end(phone: Phone, place: Place) -> None:
    """End the runner and what it started. Raises DeviceError if it goes on, or the phone is away."""
    if phone.sh(runner_script.end(place), timeout_s=30.0).returncode != 0:
        raise DeviceError(f"{phone.uri}: the runner goes on executing on the phone and cannot be ended")
