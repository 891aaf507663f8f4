"""The processors' frequency: governor and limits of every cluster, which takes root.

Kernel Documentation/admin-guide/pm/cpufreq.rst: one folder policyN per cluster with scaling_governor, scaling_min_freq,
scaling_max_freq and, under the governor userspace, scaling_setspeed; all in kHz.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.conditions.change import Change
from edgewatt.collectors.android.conditions.root import Root, need_root
from edgewatt.collectors.android.files.look import natural, whole
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.profiler.errors import DeviceError, UsageError

HZ_PER_KHZ: Final = 1000
_FOLDER: Final = "devices/system/cpu/cpufreq"
_FILES: Final = (
    "scaling_governor",
    "scaling_min_freq",
    "scaling_max_freq",
    "cpuinfo_min_freq",
    "cpuinfo_max_freq",
    "scaling_available_frequencies",
    "scaling_boost_frequencies",
    "scaling_available_governors",
)
PATTERNS: Final = tuple(f"{{sysfs}}/{_FOLDER}/policy*/{name}" for name in _FILES)
_PATH: Final = re.compile(rf".*/{_FOLDER}/(policy[0-9]{{1,3}})/([a-z_]{{1,40}})")
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,32}")
_STEP: Final = re.compile(r"[0-9]{3,8}")
_HINT: Final = (
    "The phone's own services rewrite it: stop them (`adb shell stop perfd`, `vendor.perf-hal` and the like), and cool "
    "a phone that throttles"
)
_LIMIT_HZ: Final = re.compile(r"[0-9]{6,11}")
_EXTREMES: Final = {"min": "cpuinfo_min_freq", "max": "cpuinfo_max_freq"}


@dataclass(frozen=True, slots=True)
class Policy:
    """One cluster, as its files said; a number in kHz."""

    name: str
    files: Mapping[str, str]

    def khz(self, name: str) -> int | None:
        """A frequency, None where it cannot be read."""
        value = whole(self.files.get(name, ""))
        return value if value is not None and value > 0 else None

    @property
    def governor(self) -> str | None:
        """The governor's name; None for one that no kernel has."""
        name = self.files.get("scaling_governor", "")
        return name if _NAME.fullmatch(name) else None

    @property
    def governors(self) -> list[str]:
        """Those that can be chosen."""
        return [name for name in self.files.get("scaling_available_governors", "").split() if _NAME.fullmatch(name)]

    @property
    def steps_khz(self) -> list[int]:
        """The frequencies it can run at, ascending; the two ends where it lists none."""
        listed = (
            f"{self.files.get('scaling_available_frequencies', '')} {self.files.get('scaling_boost_frequencies', '')}"
        )
        steps = {int(word) for word in listed.split() if _STEP.fullmatch(word)}
        ends = {khz for name in _EXTREMES.values() if (khz := self.khz(name)) is not None}
        return sorted(steps or ends)

    @property
    def limits(self) -> str:
        """Lowest and highest allowed frequency in kHz."""
        return f"{self.khz('scaling_min_freq')}-{self.khz('scaling_max_freq')}"


def policies_of(phone: Phone) -> list[Policy]:
    """The clusters that can be read, in their order. Raises DeviceError if the phone does not answer."""
    return parse_policies(survey(phone, PATTERNS))


def parse_policies(seen: Mapping[str, Seen]) -> list[Policy]:
    """The clusters in what a survey saw."""
    found: dict[str, dict[str, str]] = {}
    for path, one in seen.items():
        if one.text is not None and (hit := _PATH.fullmatch(path)):
            found.setdefault(hit[1], {})[hit[2]] = one.text
    return [Policy(name, found[name]) for name in sorted(found, key=natural)]


def plan_governor(phone: Phone, value: str) -> Change:
    """`governor=NAME` on every cluster. Raises UsageError for a name that a cluster lacks, DeviceError without root."""
    if not _NAME.fullmatch(value):
        raise UsageError(f"governor={value!r}: expected the name of a governor, such as performance")
    policies = _policies(phone, f"governor={value}")
    for policy in policies:
        if policy.governors and value not in policy.governors:
            raise UsageError(f"governor={value}: {policy.name} of {phone.uri} has {', '.join(policy.governors)}")
    before = {policy.name: policy.governor for policy in policies}
    if None in before.values():
        raise DeviceError(f"{phone.uri}: cannot set governor={value}: {_names(before, None)} do not tell theirs")
    if set(before.values()) == {value}:
        return _nothing(_listed(before))
    root = need_root(phone, f"governor={value}")
    return Change(
        before=_listed(before),
        wanted=_listed(dict.fromkeys(before, value)),
        look=lambda p: _listed({policy.name: policy.governor for policy in policies_of(p)}),
        put=_write(phone, root, [(name, "scaling_governor", value) for name in before]),
        put_back=_write(phone, root, [(name, "scaling_governor", str(old)) for name, old in before.items()]),
        hint=_HINT,
    )


def plan_frequency(phone: Phone, value: str) -> Change:
    """`frequency=HZ|min|max`: both limits of every cluster at one step.

    With HZ at least one cluster has to have exactly that step; the others get their highest one below it, else their
    lowest. Raises UsageError for a frequency that no cluster has, DeviceError without root.
    """
    if value not in _EXTREMES and not _LIMIT_HZ.fullmatch(value):
        raise UsageError(f"frequency={value!r}: expected min, max, or whole hertz such as 1804800000")
    policies = _policies(phone, f"frequency={value}")
    goals = _goals(phone, policies, value)
    before = {policy.name: policy.limits for policy in policies}
    wanted = {name: f"{khz}-{khz}" for name, khz in goals.items()}
    if before == wanted:
        return _nothing(_listed(before))
    if _names(before, "None-None") or any("None" in limits for limits in before.values()):
        raise DeviceError(f"{phone.uri}: cannot set frequency={value}: the limits there read {_listed(before)}")
    root = need_root(phone, f"frequency={value}")
    back = {policy.name: (policy.khz("scaling_min_freq"), policy.khz("scaling_max_freq")) for policy in policies}
    by_hand = [policy.name for policy in policies if policy.governor == "userspace"]
    return Change(
        before=_listed(before),
        wanted=_listed(wanted),
        look=lambda p: _listed({policy.name: policy.limits for policy in policies_of(p)}),
        put=_limits(phone, root, {name: (khz, khz) for name, khz in goals.items()}, by_hand),
        put_back=_limits(phone, root, back, []),
        hint=_HINT,
    )


def _policies(phone: Phone, asked: str) -> list[Policy]:
    policies = policies_of(phone)
    if not policies:
        raise DeviceError(f"{phone.uri}: cannot set {asked}: no cluster can be read under {phone.sysfs}/{_FOLDER}")
    return policies


def _goals(phone: Phone, policies: list[Policy], value: str) -> dict[str, int]:
    if extreme := _EXTREMES.get(value):
        goals = {policy.name: policy.khz(extreme) for policy in policies}
        if lacking := _names(goals, None):
            raise DeviceError(f"{phone.uri}: cannot set frequency={value}: {lacking} do not tell {extreme}")
        return {name: khz for name, khz in goals.items() if khz is not None}
    khz, rest = divmod(int(value), HZ_PER_KHZ)
    steps = {policy.name: policy.steps_khz for policy in policies}
    if rest or not any(khz in own for own in steps.values()):
        listed = "; ".join(f"{name}: {' '.join(str(k * HZ_PER_KHZ) for k in own)}" for name, own in steps.items())
        raise UsageError(f"frequency={value}: no cluster of {phone.uri} has that step; they have {listed}")
    return {name: max((k for k in own if k <= khz), default=min(own)) for name, own in steps.items() if own}


def _nothing(state: str) -> Change:
    return Change(state, state, lambda _: state, "", "", "")


def _names(values: Mapping[str, object], value: object) -> str:
    return ", ".join(name for name, own in values.items() if own == value)


def _listed(values: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _limits(phone: Phone, root: Root, limits: Mapping[str, tuple[int | None, int | None]], by_hand: list[str]) -> str:
    """Lowest before highest and again: whichever the kernel refuses first because the two would cross fits then."""
    writes = []
    for name, (low, high) in limits.items():
        ends = [(name, "scaling_min_freq", str(low)), (name, "scaling_max_freq", str(high))]
        writes += [*ends, ends[0]]
        writes += [(name, "scaling_setspeed", str(high))] if name in by_hand else []
    return _write(phone, root, writes)


def _write(phone: Phone, root: Root, values: list[tuple[str, str, str]]) -> str:
    """Commands that write values, all of them checked or ours, into files of the clusters."""
    root_folder = shlex.quote(f"{phone.sysfs}/{_FOLDER}")
    return root.wrap("; ".join(f"echo {value} >{root_folder}/{name}/{file}" for name, file, value in values))
