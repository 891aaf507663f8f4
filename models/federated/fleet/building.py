"""From a calibration to a fleet: what rows say of each kind of device, else testbed.toml; notes tell which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.fleet.fleet import CalibratedFleet
from edgewatt.models.federated.fleet.physics import Physics, beside, physics_of, refuse_untrained, trained
from edgewatt.models.federated.fleet.steps import unit_s
from edgewatt.models.federated.fleet.variance import variance_of
from edgewatt.models.federated.round import TIERS, Job
from edgewatt.models.scheduling.constants import Constants, Draw, is_unsure
from edgewatt.models.scheduling.phone import weakest
from edgewatt.models.scheduling.rows import Rows
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError

DEVICES_LIMIT: Final = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """A device of the calibration that a fleet is made of; `said`: what of its rows of `devices` is known."""

    rows: Rows
    name: str
    said: Mapping[str, Any]
    is_sure: bool
    notes: list[str] = field(default_factory=list)


def fleet_of(
    calibration: Calibration,
    constants: Constants,
    draw: Draw,
    scenario: str,
    seed: int,
    sizes: Mapping[str, int] | None = None,
) -> CalibratedFleet:
    """The fleet of one draw in a scenario of testbed.toml (`constants`); the same for the same seed.

    `sizes`: devices by tier (high, mid, low); without it those of `devices_n`, else the testbed's 30, 70 and 100 of the
    tiers that there are. Devices of one tier share it as `devices_n` says, else evenly. Raises UsageError for a tier
    without devices, for a device without rows of training, and for an unknown scenario.
    """
    members = _members(calibration)
    tiers = _tiers(members, constants)
    notes = list[str]()
    counts = _counts(members, tiers, sizes, constants, notes)
    order = [k for k in np.argsort(tiers, kind="stable").tolist() if counts[k]]
    physics = [physics_of(members[k].rows, members[k].name, tiers[k], members[k].said, constants, draw) for k in order]
    physics = _by_power_ratio(physics, [members[k] for k in order])
    physics = _beside_of_another(physics, [members[k] for k in order], constants, draw)
    kind_of = np.repeat(np.arange(len(order)), [counts[k] for k in order])
    good = np.array([of.radio.good_b_per_s for of in physics])
    said = [
        f"{of.device_id}: {note}"
        for k, of in zip(order, physics, strict=True)
        for note in (*members[k].notes, *of.notes)
    ]
    return CalibratedFleet(
        physics=tuple(physics),
        kind_of=kind_of,
        slower_ratio=np.ones(len(kind_of)),
        good_b_per_s=good[kind_of],
        variance=variance_of(constants, scenario, seed, len(kind_of)),
        constants=constants,
        draw=draw,
        basis=weakest(*(of.basis for of in physics)),
        notes=(*notes, *said),
    )


def as_published(job: Job, constants: Constants) -> Job:
    """The job with the bytes of an update that the paper's network of this name sends.

    For a study that trains a small network in its place: the steps of the fleet are of the paper's too.
    """
    name = f"models.{job.model}.update_b"
    return replace(job, update_b=int(constants[name])) if name in constants.by_name else job


def _members(calibration: Calibration) -> list[_Member]:
    """Devices with rows of training, and all that `devices` calls part of a fleet. Raises UsageError for none."""
    members = []
    for device_id, device in calibration.head.devices.items():
        rows = Rows(calibration, device_id)
        said, is_sure = dict[str, Any](), True
        for row in rows.of("devices"):
            said |= {column: value for column, value in row.items() if value is not None}
            is_sure &= row["power_ratio"] is None or not is_unsure(row)
        if trained(rows.of("training_step")):
            members.append(_Member(rows, device.name, said, is_sure))
        elif said.get("devices_n"):
            raise refuse_untrained(device_id)
    if not members:
        known = ", ".join(calibration.head.devices) or "no device"
        raise UsageError(
            f"the calibration lacks rows of training: `training_step` with model and step_s, of {known}. Measure them: "
            "edgewatt calibrate --collect --steps training, or edgewatt profile --training; or take the published "
            "calibration autofl"
        )
    return members


def _tiers(members: Sequence[_Member], constants: Constants) -> list[int]:
    """As `devices` says, else by the time of a work unit over that of the fastest."""
    if all(member.said.get("tier") in TIERS for member in members):
        return [TIERS.index(member.said["tier"]) for member in members]
    seconds = [_speed(member, constants) for member in members]
    edges = [float(constants[f"fleet.{name}_above_ratio"]) for name in ("mid", "low")]
    tiers = []
    for member, own in zip(members, seconds, strict=True):
        if member.said.get("tier") in TIERS:
            tiers.append(TIERS.index(member.said["tier"]))
            continue
        tiers.append(sum(own / min(seconds) > edge for edge in edges))
        member.notes.append(f"tier {TIERS[tiers[-1]]}, by its step time over that of the fastest")
    return tiers


def _speed(member: _Member, constants: Constants) -> float:
    """Seconds of a work unit as stated; of a step, where its model has no constants."""
    of = physics_of(member.rows, member.name, 0, member.said, constants, Draw())
    found = unit_s(of, constants, Draw())
    return found or min(float(row["step_s"]) for row in trained(member.rows.of("training_step")))


def _counts(
    members: Sequence[_Member],
    tiers: Sequence[int],
    sizes: Mapping[str, int] | None,
    constants: Constants,
    notes: list[str],
) -> list[int]:
    """How many devices of each member; 0 for one that is left out."""
    told = [int(member.said.get("devices_n") or 0) for member in members]
    if sizes is None and any(told):
        counts = told
        notes += [
            f"{m.rows.device_id} is left out: it has no devices_n" for m, n in zip(members, told, strict=True) if not n
        ]
    else:
        usual = {tier: int(constants[f"fleet.{tier}_n"]) for k, tier in enumerate(TIERS) if k in tiers}
        counts = _shared(tiers, told, _checked(sizes, tiers) if sizes is not None else usual)
        if sizes is None:
            notes.append("nothing says how many devices there are: as many of each tier as in the testbed of AutoFL")
    if not 1 <= sum(counts) <= DEVICES_LIMIT:
        raise UsageError(f"a fleet of {sum(counts)} devices: expected 1 to {DEVICES_LIMIT}")
    return counts


def _checked(sizes: Mapping[str, int], tiers: Sequence[int]) -> Mapping[str, int]:
    there = [TIERS[tier] for tier in sorted(set(tiers))]
    for tier, count in sizes.items():
        if tier not in TIERS:
            raise UsageError(f"tier {tier!r}: expected one of {', '.join(TIERS)}")
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise UsageError(f"{count!r} devices of tier {tier}: expected 0 or more")
        if count and tier not in there:
            raise UsageError(
                f"{count} devices of tier {tier} were asked for, and the calibration has no device of it: it has "
                f"{', '.join(there)}; ask for none, or add one with `training_step` and `devices` (tier {tier})"
            )
    return sizes


def _shared(tiers: Sequence[int], told: Sequence[int], sizes: Mapping[str, int]) -> list[int]:
    """The devices of each tier over its members, by `devices_n` if they have it, the largest remainders up."""
    counts = [0] * len(tiers)
    for tier, name in enumerate(TIERS):
        mine = [k for k, of in enumerate(tiers) if of == tier]
        if not mine:
            continue
        weights = np.array([told[k] for k in mine], np.float64)
        weights = weights if weights.all() else np.ones(len(mine))
        exact = sizes.get(name, 0) * weights / weights.sum()
        whole = np.floor(exact).astype(int)
        rest = sizes.get(name, 0) - int(whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:rest]] += 1
        for k, count in zip(mine, whole.tolist(), strict=True):
            counts[k] = count
    return counts


def _by_power_ratio(physics: Sequence[Physics], members: Sequence[_Member]) -> list[Physics]:
    """Watts by the ratios between devices that are confirmed, where those of the devices themselves are not.

    The device of ratio 1 keeps its own.
    """
    ratios = [float(member.said.get("power_ratio") or 0.0) for member in members]
    if 1.0 not in ratios:
        return list(physics)
    first = physics[ratios.index(1.0)]
    tops = {target.kind: float(first.busy_w[k]) for k, target in reversed(list(enumerate(first.targets)))}
    made = []
    for of, member, ratio in zip(physics, members, ratios, strict=True):
        unsure = [r for r in member.rows.of("power") if r["busy_w"] is not None and is_unsure(r)]
        if not 0 < ratio < 1 or not member.is_sure or not unsure:
            made.append(of)
            continue
        own = {target.kind: float(of.busy_w[k]) for k, target in reversed(list(enumerate(of.targets)))}
        factor = np.array([ratio * tops[t.kind] / own[t.kind] if t.kind in tops else 1.0 for t in of.targets])
        note = f"watts: {ratio:g} of those of {first.device_id} (confirmed), in place of its own (not confirmed)"
        made.append(replace(of, busy_w=of.busy_w * factor, notes=(*of.notes, note)))
    return made


def _beside_of_another(
    physics: Sequence[Physics], members: Sequence[_Member], constants: Constants, draw: Draw
) -> list[Physics]:
    """A device without rows of co-runners: as that of another, by the factors of their tiers."""
    named = [k for k, member in enumerate(members) if member.rows.of("co_runner")]
    if not named:
        return list(physics)
    like = physics[named[0]]
    cpu, memory = beside(members[named[0]].rows, "cpu", like.tier, constants, draw)
    factors = [draw.constant(constants, f"co_runner.{TIERS[of.tier]}_factor") for of in physics]
    made = []
    for k, of in enumerate(physics):
        if k in named:
            made.append(of)
            continue
        factor = factors[k] / factors[named[0]]
        is_cpu = np.array([target.kind == "cpu" for target in of.targets])
        notes = tuple(note for note in of.notes if "co_runner" not in note)
        note = f"co-runners: no row of its own; {factor:.2f} times what {like.device_id} shows (assumed)"
        made.append(
            replace(
                of,
                of_cpu=np.where(is_cpu, cpu * factor, of.of_cpu),
                of_memory=np.where(is_cpu, memory * factor, of.of_memory),
                notes=(*notes, note),
            )
        )
    return made
