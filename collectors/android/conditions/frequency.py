"""The processors' frequency on a phone: governor and limits of every cluster, which takes root.

What may be set, and its words, are those of any Linux (host/conditions/clusters.py); here it becomes commands.
"""

import shlex
from collections.abc import Sequence
from typing import Final

from edgewatt.collectors.android.conditions.change import Change
from edgewatt.collectors.android.conditions.root import Root, need_root
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.host.conditions.clusters import (
    FOLDER,
    GOVERNOR,
    PATTERNS,
    Policy,
    Setting,
    check_frequency,
    check_governor,
    current_limits,
    frequency_goals,
    governor_goals,
    governors,
    limit_settings,
    limits,
    listed,
    parse_policies,
    pins_hz,
)

_HINT: Final = (
    "The phone's own services rewrite it: stop them (`adb shell stop perfd`, `vendor.perf-hal` and the like), and cool "
    "a phone that throttles"
)


def policies_of(phone: Phone) -> list[Policy]:
    """The clusters that can be read, in their order. Raises DeviceError if the phone does not answer."""
    return parse_policies(survey(phone, PATTERNS))


def plan_governor(phone: Phone, value: str) -> Change:
    """`governor=NAME` on every cluster. Raises UsageError for a name that a cluster lacks, DeviceError without root."""
    check_governor(value)
    policies = policies_of(phone)
    goals = governor_goals(policies, value, phone.uri)
    before = governors(policies)
    wanted = listed(goals)
    if before == wanted:
        return Change(before, before, lambda _: before, "", "", "")
    root = need_root(phone, f"governor={value}")
    there = [(policy.name, GOVERNOR, str(policy.governor)) for policy in policies]
    return Change(
        before=before,
        wanted=wanted,
        look=lambda p: governors(policies_of(p)),
        put=_write(phone, root, [(name, GOVERNOR, goal) for name, goal in goals.items()]),
        put_back=_write(phone, root, there),
        hint=_HINT,
    )


def plan_frequency(phone: Phone, value: str) -> Change:
    """`frequency=HZ|min|max|policy0:HZ,...`: both limits of clusters at one step.

    With HZ at least one cluster has to have exactly that step; the others get their highest one below it, else their
    lowest. Raises UsageError for a frequency that no cluster has, DeviceError without root.
    """
    check_frequency(value)
    policies = policies_of(phone)
    goals = frequency_goals(policies, value, phone.uri)
    before, pins = current_limits(policies, f"frequency={value}", phone.uri), pins_hz(goals)
    pinned = {name: (khz, khz) for name, khz in goals.items()}
    wanted = listed({name: f"{low}-{high}" for name, (low, high) in {**before, **pinned}.items()})
    if limits(policies) == wanted:
        return Change(wanted, wanted, lambda _: wanted, "", "", "", pins=pins)
    root = need_root(phone, f"frequency={value}")
    by_hand = [policy.name for policy in policies if policy.governor == "userspace"]
    return Change(
        before=limits(policies),
        wanted=wanted,
        look=lambda p: limits(policies_of(p)),
        put=_write(phone, root, limit_settings(pinned, by_hand)),
        # All of them: a value of other clusters may follow, whose pins this puts back too.
        put_back=_write(phone, root, limit_settings(before)),
        hint=_HINT,
        pins=pins,
    )


def _write(phone: Phone, root: Root, settings: Sequence[Setting]) -> str:
    """Commands that write values, all of them checked or ours, into files of the clusters."""
    folder = shlex.quote(f"{phone.sysfs}/{FOLDER}")
    return root.wrap("; ".join(f"echo {value} >{folder}/{name}/{file}" for name, file, value in settings))
