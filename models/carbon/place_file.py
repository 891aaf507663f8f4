"""A place in a TOML file: its parts, its life, its supply. The shipped ones, in places/, are read the same way."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from edgewatt.models.carbon import act
from edgewatt.models.carbon.constants import number
from edgewatt.models.carbon.interval import ONE, Interval, exact
from edgewatt.models.carbon.operational import supply_of_charger, supply_of_pue
from edgewatt.models.carbon.place import SHIPPED, Basis, Part, Place
from edgewatt.models.carbon.place_values import Table
from edgewatt.models.carbon.units import G_PER_KWH
from edgewatt.profiler.errors import UsageError

_SIZE_LIMIT: Final = 1 << 20
_PARTS_LIMIT: Final = 1000
_ACT_ERROR: Final = "ACT"
_TOP: Final = ("name", "note", "missing", "part")
# The other numbers of a place, and their units.
_VALUES: Final[Mapping[str, str]] = {
    "lifetime_h": "h",
    "lifetime_years": "years",
    "use_ratio": "ratio",
    "shared_by_n": "ratio",
    "pue_ratio": "ratio",
    "charger_efficiency": "ratio",
    "power_w": "W",
    "energy_kwh_per_gb": "kWh/GB",
}


def read_place(path: Path) -> Place:
    """The place in a file. Raises UsageError for all that is not what docs/carbon.md says of one."""
    top = Table(_data(path), str(path), (*_TOP, *_VALUES))
    found = {name: top.interval(name, unit) for name, unit in _VALUES.items() if name in top.data}
    life = top.one_of_two("lifetime_h", "lifetime_years")
    return Place(
        name=top.text("name", path.stem),
        note=top.text("note", ""),
        missing=top.text("missing", ""),
        parts=_parts(top),
        lifetime_s=_above_zero(path, life, found[life]),
        use_ratio=_share(path, found.get("use_ratio", ONE)),
        shared_by=_above_zero(path, "shared_by_n", found.get("shared_by_n", ONE)),
        supply=_supply(path, found),
        power_w=found.get("power_w"),
        energy_j_per_b=found.get("energy_kwh_per_gb"),
        bases=tuple((name, top.basis(name)) for name in found),
    )


def _data(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{path}: cannot be read ({why}); expected {', '.join(SHIPPED)} or a file as these are"
        ) from None
    if len(content) > _SIZE_LIMIT:
        raise UsageError(f"{path}: larger than {_SIZE_LIMIT >> 20} MiB; expected a TOML file of one place")
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no readable TOML ({str(error)[:200]})") from None


def _parts(top: Table) -> tuple[Part, ...]:
    given = top.data.get("part", [])
    if not isinstance(given, list) or not given or not all(isinstance(part, dict) for part in given):
        raise UsageError(
            f"{top.where}: has no [[part]]; what is nothing made of emitted nothing, and nothing is guessed"
        )
    if len(given) > _PARTS_LIMIT:
        raise UsageError(f"{top.where}: {len(given)} parts, more than {_PARTS_LIMIT}")
    return tuple(_part(part, f"{top.where}: part {k + 1}") for k, part in enumerate(given))


def _part(data: Mapping[str, Any], where: str) -> Part:
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise UsageError(f"{where}: kind {kind!r}: expected one of {', '.join(_KINDS)}")
    keys, kg_of, how = _KINDS[kind]
    table = Table(data, where, ("name", "kind", "tag", "source", *keys))
    return Part(table.text("name", kind), kg_of(table), how, Basis(table.tag(), table.text("source", "not told")))


def _logic(table: Table) -> Interval:
    packages = table.whole("packages_n", 1)
    area_m2 = table.number("area_mm2", "mm2")
    return _by_act(act.logic_kg(area_m2, _per_area(table), packages))


def _per_area(table: Table) -> float:
    node = table.text("node")
    if "net_zero" in table.data:
        table.flag("net_zero")
        return act.net_zero_carbon_per_area(node)
    given = table.data.get("fab", act.FAB)
    fab = given if isinstance(given, str) else table.number("fab", "ratio") * G_PER_KWH
    percent = table.whole("abated_percent", act.ABATED_PERCENT)
    ratio = table.number("yield_ratio", "ratio") if "yield_ratio" in table.data else None
    return act.carbon_per_area(node, fab=fab, abated_percent=percent, yield_ratio=ratio)


def _memory(table: Table) -> Interval:
    ratio = table.number("yield_ratio", "ratio") if "yield_ratio" in table.data else 1.0
    capacity_b = table.number("capacity_gb", "GB")
    kg = act.memory_kg(table.text("kind"), table.text("technology"), capacity_b, ratio)
    return _by_act(kg + act.packaging_kg(table.whole("packages_n", 0)))


def _battery(table: Table) -> Interval:
    return _by_act(act.battery_kg(table.number("capacity_wh", "Wh"), table.text("cathode", "nmc")))


def _board(table: Table) -> Interval:
    return _by_act(act.board_kg(table.number("area_cm2", "cm2"), table.whole("layers_n")))


def _material(table: Table) -> Interval:
    return _by_act(act.material_kg(table.text("material"), table.number("mass_g", "g")))


def _packages(table: Table) -> Interval:
    return _by_act(act.packaging_kg(table.whole("packages_n")))


def _whole(table: Table) -> Interval:
    return table.interval("kg", "kg")


# kind -> its keys, how its kg are found, and in words by what.
_KINDS: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Table], Interval], str]]] = {
    "logic": (
        ("node", "area_mm2", "packages_n", "fab", "abated_percent", "yield_ratio", "net_zero"),
        _logic,
        "ACT, area x carbon per area",
    ),
    **dict.fromkeys(
        act.MEMORIES,
        (("technology", "capacity_gb", "packages_n", "yield_ratio"), _memory, "ACT, carbon per byte x capacity"),
    ),
    "packages": (("packages_n",), _packages, "ACT, 150 g a package"),
    "battery": (("capacity_wh", "cathode"), _battery, "ACT, carbon per kWh"),
    "board": (("area_cm2", "layers_n"), _board, "ACT, carbon per area of its layers"),
    "material": (("material", "mass_g"), _material, "ACT, carbon per kg"),
    "whole": (("kg",), _whole, "as given, not computed"),
}


def _by_act(kg: float) -> Interval:
    """What ACT computes, with how far ACT is from assessments of the same parts."""
    least, most = (number("act", "act_over_lca", end, "end") for end in ("low", "high"))
    return Interval(kg, kg / most, kg / least)


def _supply(path: Path, found: Mapping[str, Interval]) -> Interval:
    if "pue_ratio" in found and "charger_efficiency" in found:
        raise UsageError(f"{path}: has pue_ratio and charger_efficiency; a place draws its joules through one of them")
    if "charger_efficiency" in found:
        return supply_of_charger(found["charger_efficiency"])
    return supply_of_pue(found.get("pue_ratio", exact(1.0)))


def _above_zero(path: Path, name: str, value: Interval) -> Interval:
    if not value.low > 0:
        raise UsageError(f"{path}: {name} is {value.low:g} at least; expected above 0")
    return value


def _share(path: Path, value: Interval) -> Interval:
    if not 0 < value.low <= value.high <= 1:
        raise UsageError(f"{path}: use_ratio {value.low:g} to {value.high:g}: expected above 0, at most 1")
    return value
