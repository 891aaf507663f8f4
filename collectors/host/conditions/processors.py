"""Governor, frequency and turbo of a Linux system's processors."""

from collections.abc import Mapping, Sequence
from typing import Final

from edgewatt.collectors.host.conditions.change import Change, Condition
from edgewatt.collectors.host.conditions.clusters import (
    FOLDER,
    GOVERNOR,
    PATTERNS,
    Policy,
    Setting,
    current_limits,
    frequency_goals,
    governor_goals,
    governors,
    limit_settings,
    limits,
    listed,
    noted_governors,
    noted_limits,
    parse_policies,
    pins_hz,
)
from edgewatt.collectors.host.conditions.system import System, Write
from edgewatt.profiler.errors import DeviceError, UsageError

ON, OFF = "on", "off"
# Intel's driver says what is off, the others what is on (kernel Documentation/admin-guide/pm/intel_pstate.rst and
# cpufreq.rst).
NO_TURBO: Final = "{sysfs}/devices/system/cpu/intel_pstate/no_turbo"
BOOST: Final = "{sysfs}/devices/system/cpu/cpufreq/boost"
_TURBO: Final[Mapping[str, Mapping[str, str]]] = {NO_TURBO: {ON: "0", OFF: "1"}, BOOST: {ON: "1", OFF: "0"}}
_HINT: Final = (
    "A service of the system may write it again (power-profiles-daemon, tuned, TLP, nvpmodel): stop it for the run; a "
    "system that throttles has to cool first"
)


def policies_of(system: System) -> list[Policy]:
    """The clusters that can be read. Raises DeviceError if the system does not answer."""
    return parse_policies(system.read(PATTERNS))


def governor(system: System, value: str) -> Change:
    """`governor=NAME` on every cluster."""
    policies = policies_of(system)
    return _governors(policies, governor_goals(policies, value, system.where))


def noted_governor(system: System, text: str) -> Change:
    """The governors that there were."""
    policies = policies_of(system)
    return _governors(policies, noted_governors(policies, text, system.where))


def _governors(policies: Sequence[Policy], goals: Mapping[str, str]) -> Change:
    before = {policy.name: policy.governor for policy in policies}
    settings = [(name, GOVERNOR, goal) for name, goal in goals.items() if goal != before[name]]
    return Change(
        governors(policies),
        listed({**before, **goals}),
        _writes(settings),
        lambda system: governors(policies_of(system)),
        _HINT,
    )


def frequency(system: System, value: str) -> Change:
    """`frequency=HZ|min|max|policy0:HZ,...`: both limits of clusters at one step."""
    policies = policies_of(system)
    goals = frequency_goals(policies, value, system.where)
    current_limits(policies, f"frequency={value}", system.where)
    userspace = [policy.name for policy in policies if policy.governor == "userspace"]
    pinned = {name: (khz, khz) for name, khz in goals.items()}
    return _limits(policies, pinned, userspace, pins_hz(goals))


def noted_frequency(system: System, text: str) -> Change:
    """The limits that there were."""
    policies = policies_of(system)
    return _limits(policies, noted_limits(policies, text, system.where))


def _limits(
    policies: Sequence[Policy],
    goals: Mapping[str, tuple[int, int]],
    userspace: Sequence[str] = (),
    pins: Mapping[str, float] | None = None,
) -> Change:
    before = {policy.name: policy.limits for policy in policies}
    wanted = {**before, **{name: f"{low}-{high}" for name, (low, high) in goals.items()}}
    changed = {name: goal for name, goal in goals.items() if wanted[name] != before[name]}
    return Change(
        listed(before),
        listed(wanted),
        _writes(limit_settings(changed, userspace)),
        lambda s: limits(policies_of(s)),
        _HINT,
        pins=pins or {},
    )


def turbo(system: System, value: str) -> Change:
    """`turbo=on|off`: whether the processor may exceed its nominal frequency."""
    if value not in (ON, OFF):
        raise UsageError(f"turbo={value!r}: expected turbo=on or turbo=off")
    return _turbo(system, value, f"turbo={value}")


def noted_turbo(system: System, text: str) -> Change:
    """What it was."""
    if text not in (ON, OFF):
        raise DeviceError(f"{system.where}: a note says that turbo was {text[:80]!r}, which is neither on nor off")
    return _turbo(system, text, "turbo")


def _turbo(system: System, value: str, asked: str) -> Change:
    now, path = _turbo_now(system)
    if now is None or path is None:
        raise DeviceError(
            f"{system.where}: cannot set {asked}: neither {system.at(NO_TURBO)} nor {system.at(BOOST)} tells; this "
            "processor has no turbo that its driver lets be switched"
        )
    steps = [Write(path, _TURBO[path][value])] if now != value else []
    return Change(now, value, steps, lambda s: _turbo_now(s)[0] or "unknown", _HINT)


def _turbo_now(system: System) -> tuple[str | None, str | None]:
    """On or off, and the file that says it."""
    seen = system.read(_TURBO)
    for path, words in _TURBO.items():
        one = seen.get(system.at(path))
        said = "" if one is None or one.text is None else one.text.strip()
        for word, digit in words.items():
            if said == digit:
                return word, path
    return None, None


def _writes(settings: Sequence[Setting]) -> list[Write]:
    return [Write(f"{{sysfs}}/{FOLDER}/{name}/{file}", value) for name, file, value in settings]


PROCESSORS: Final[Mapping[str, Condition]] = {
    "governor": Condition(governor, noted_governor),
    "frequency": Condition(frequency, noted_frequency),
    "turbo": Condition(turbo, noted_turbo),
}
