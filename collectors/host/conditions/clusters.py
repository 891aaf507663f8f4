"""The processors' clusters as cpufreq shows them, what they may be set to, and the words in which that is noted.

Kernel Documentation/admin-guide/pm/cpufreq.rst: one folder policyN per cluster with scaling_governor, scaling_min_freq,
scaling_max_freq and, under the governor userspace, scaling_setspeed; all in kHz. A driver that lists no steps
(intel_pstate) takes any frequency between its ends. Pure: of a phone, a board or this host alike.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.look import natural, whole
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.profiler.errors import DeviceError, UsageError

HZ_PER_KHZ: Final = 1000
FOLDER: Final = "devices/system/cpu/cpufreq"
GOVERNOR, LOWEST, HIGHEST, SPEED = "scaling_governor", "scaling_min_freq", "scaling_max_freq", "scaling_setspeed"
_EXTREMES: Final = {"min": "cpuinfo_min_freq", "max": "cpuinfo_max_freq"}
FILES: Final = (
    GOVERNOR,
    LOWEST,
    HIGHEST,
    *_EXTREMES.values(),
    "scaling_available_frequencies",
    "scaling_boost_frequencies",
    "scaling_available_governors",
)
PATTERNS: Final = tuple(f"{{sysfs}}/{FOLDER}/policy*/{name}" for name in FILES)
# More clusters than any machine has: on x86 each processor is one.
CLUSTERS: Final = 1024

_PATH: Final = re.compile(rf".*/{FOLDER}/(policy[0-9]{{1,4}})/([a-z_]{{1,40}})")
_POLICY: Final = re.compile(r"policy[0-9]{1,4}")
NAME: Final = re.compile(r"[A-Za-z0-9_]{1,32}")
_STEP: Final = re.compile(r"[0-9]{3,8}")
_HZ: Final = re.compile(r"[0-9]{6,11}")
_LIMITS: Final = re.compile(r"([0-9]{3,8})-([0-9]{3,8})")

# Cluster, file, value.
Setting = tuple[str, str, str]


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
        name = self.files.get(GOVERNOR, "").strip()
        return name if NAME.fullmatch(name) else None

    @property
    def governors(self) -> list[str]:
        """Those that can be chosen."""
        return [name for name in self.files.get("scaling_available_governors", "").split() if NAME.fullmatch(name)]

    @property
    def listed_khz(self) -> list[int]:
        """The steps that its driver lists, ascending."""
        files = (self.files.get(f"scaling_{kind}_frequencies", "") for kind in ("available", "boost"))
        return sorted({int(word) for text in files for word in text.split() if _STEP.fullmatch(word)})

    @property
    def steps_khz(self) -> list[int]:
        """The frequencies it can run at, ascending; the two ends where it lists none."""
        return self.listed_khz or sorted({khz for end in _EXTREMES.values() if (khz := self.khz(end)) is not None})

    @property
    def limits(self) -> str:
        """Lowest and highest allowed frequency in kHz."""
        return f"{self.khz(LOWEST)}-{self.khz(HIGHEST)}"

    def has(self, khz: int) -> bool:
        """Whether it can run at exactly that."""
        steps = self.steps_khz
        return khz in steps if self.listed_khz else bool(steps) and steps[0] <= khz <= steps[-1]

    def nearest_khz(self, khz: int) -> int | None:
        """Its highest step up to that one, else its lowest; None where it has none."""
        return (
            khz
            if self.has(khz)
            else max((k for k in self.steps_khz if k <= khz), default=min(self.steps_khz or [0])) or None
        )


def parse_policies(seen: Mapping[str, Seen]) -> list[Policy]:
    """The clusters in what a survey saw, in their order."""
    found: dict[str, dict[str, str]] = {}
    for path, one in seen.items():
        if one.text is not None and (hit := _PATH.fullmatch(path)):
            found.setdefault(hit[1], {})[hit[2]] = one.text
    return [Policy(name, found[name]) for name in sorted(found, key=natural)[:CLUSTERS]]


def listed(values: Mapping[str, object]) -> str:
    """A value for each cluster in words: "policy0=schedutil policy4=performance"."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def governors(policies: Sequence[Policy]) -> str:
    """Which governor each cluster has, in words."""
    return listed({policy.name: policy.governor for policy in policies})


def limits(policies: Sequence[Policy]) -> str:
    """Between which frequencies each cluster may run, in kHz and in words."""
    return listed({policy.name: policy.limits for policy in policies})


def check_governor(value: str) -> None:
    """Raise UsageError for what is no governor's name on any system."""
    if not NAME.fullmatch(value):
        raise UsageError(f"governor={value!r}: expected the name of a governor, such as performance")


def check_frequency(value: str) -> None:
    """Raise UsageError for what is no frequency on any system."""
    for part in value.split(",") if ":" in value else [f":{value}"]:
        of_one = part.partition(":")[2]
        if of_one not in _EXTREMES and not _HZ.fullmatch(of_one):
            raise UsageError(
                f"frequency={value!r}: expected min, max, whole hertz such as 1804800000, or those of some clusters, "
                "such as policy0:max,policy4:1804800000"
            )


def governor_goals(policies: Sequence[Policy], value: str, where: str) -> dict[str, str]:
    """The same governor for every cluster. Raises UsageError for a name that a cluster lacks, DeviceError."""
    check_governor(value)
    _check_some(policies, f"governor={value}", where)
    for policy in policies:
        if policy.governor is None:
            raise DeviceError(f"{where}: cannot set governor={value}: {policy.name} does not tell its governor")
        if policy.governors and value not in policy.governors:
            raise UsageError(f"governor={value}: {policy.name} of {where} has {', '.join(policy.governors)}")
    return {policy.name: value for policy in policies}


def noted_governors(policies: Sequence[Policy], text: str, where: str) -> dict[str, str]:
    """The governors that a note names. Raises DeviceError for a note that is none, or is of other clusters."""
    pairs = _pairs(policies, text, where)
    if not all(NAME.fullmatch(value) for value in pairs.values()):
        raise DeviceError(f"{where}: a note says that its governors were {text!r}, which is none of a kernel")
    for policy in policies:
        if policy.governors and pairs.get(policy.name, policy.governors[0]) not in policy.governors:
            raise DeviceError(
                f"{where}: a note says that {policy.name} had the governor {pairs[policy.name]}; it has "
                f"{', '.join(policy.governors)}"
            )
    return pairs


def frequency_goals(policies: Sequence[Policy], value: str, where: str) -> dict[str, int]:
    """The one frequency of each cluster, in kHz, for `HZ`, `min`, `max`, or `policy0:HZ,policy4:max` for some.

    With HZ for all, at least one cluster has to have exactly that step; the others get their highest one below it, else
    their lowest. Raises UsageError for a frequency that no cluster has, DeviceError for clusters that tell none.
    """
    check_frequency(value)
    asked = f"frequency={value}"
    _check_some(policies, asked, where)
    if ":" not in value:
        return _goals(policies, value, asked, where)
    goals: dict[str, int] = {}
    known = {policy.name: policy for policy in policies}
    for part in value.split(",")[:CLUSTERS]:
        name, _, of_one = part.partition(":")
        if name not in known:
            raise UsageError(f"{asked}: {where} has no cluster {name!r}; it has {', '.join(known)}")
        goals |= _goals([known[name]], of_one, asked, where)
    return goals


def _goals(policies: Sequence[Policy], value: str, asked: str, where: str) -> dict[str, int]:
    if extreme := _EXTREMES.get(value):
        ends = {policy.name: policy.khz(extreme) for policy in policies}
        if lacking := ", ".join(name for name, khz in ends.items() if khz is None):
            raise DeviceError(f"{where}: cannot set {asked}: {lacking} do not tell {extreme}")
        return {name: khz for name, khz in ends.items() if khz is not None}
    khz, rest = divmod(int(value), HZ_PER_KHZ)
    if rest or not any(policy.has(khz) for policy in policies):
        steps = "; ".join(f"{one.name}: {_steps(one)}" for one in policies[:16])
        raise UsageError(f"{asked}: no cluster of {where} has that step; they have {steps}")
    return {policy.name: near for policy in policies if (near := policy.nearest_khz(khz)) is not None}


def _steps(policy: Policy) -> str:
    return (" " if policy.listed_khz else " to ").join(str(khz * HZ_PER_KHZ) for khz in policy.steps_khz)


def noted_limits(policies: Sequence[Policy], text: str, where: str) -> dict[str, tuple[int, int]]:
    """The limits in kHz that a note names. Raises DeviceError for a note that is none, or is of other clusters."""
    found = {}
    known = {policy.name: policy for policy in policies}
    for name, value in _pairs(policies, text, where).items():
        hit = _LIMITS.fullmatch(value)
        low, high = (0, 0) if hit is None else (int(hit[1]), int(hit[2]))
        ends = known[name].khz("cpuinfo_min_freq") or 0, known[name].khz("cpuinfo_max_freq") or 10**8
        if not ends[0] <= low <= high <= ends[1]:
            raise DeviceError(f"{where}: a note says that {name} ran between {value!r} kHz, which it cannot")
        found[name] = (low, high)
    return found


def current_limits(policies: Sequence[Policy], asked: str, where: str) -> dict[str, tuple[int, int]]:
    """What there is, in kHz. Raises DeviceError for clusters that do not tell theirs."""
    found = {policy.name: (policy.khz(LOWEST), policy.khz(HIGHEST)) for policy in policies}
    known = {name: (low, high) for name, (low, high) in found.items() if low is not None and high is not None}
    if len(known) < len(found):
        raise DeviceError(f"{where}: cannot set {asked}: the limits there read {limits(policies)}")
    return known


def limit_settings(goals: Mapping[str, tuple[int, int]], by_hand: Sequence[str] = ()) -> list[Setting]:
    """Lowest before highest and again: whichever the kernel refuses first because the two would cross fits then.

    Clusters in `by_hand` have the governor userspace, which is told its speed as well.
    """
    lowest = [(name, LOWEST, str(low)) for name, (low, _) in goals.items()]
    highest = [(name, HIGHEST, str(high)) for name, (_, high) in goals.items()]
    speeds = [(name, SPEED, str(high)) for name, (_, high) in goals.items() if name in by_hand]
    return [*lowest, *highest, *lowest, *speeds]


def pins_hz(goals: Mapping[str, int]) -> dict[str, float]:
    """What is pinned, in hertz, by the names that the clusters' channels have: cpu4 of policy4."""
    return {f"cpu{name.removeprefix('policy')}": float(khz * HZ_PER_KHZ) for name, khz in goals.items()}


def _check_some(policies: Sequence[Policy], asked: str, where: str) -> None:
    if not policies:
        raise DeviceError(
            f"{where}: cannot set {asked}: no cluster can be read below its {FOLDER}; a virtual machine or a kernel "
            "without cpufreq has none"
        )


def _pairs(policies: Sequence[Policy], text: str, where: str) -> dict[str, str]:
    """What `listed` wrote. Raises DeviceError for anything else."""
    known = {policy.name for policy in policies}
    pairs = dict(word.partition("=")[::2] for word in text.split(" ")[: CLUSTERS + 1])
    if len(pairs) > CLUSTERS or not all(_POLICY.fullmatch(name) and name in known for name in pairs):
        raise DeviceError(
            f"{where}: a note is of clusters that it has not: {text[:80]!r}; it has {', '.join(sorted(known))}"
        )
    return pairs
