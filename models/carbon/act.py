"""What is emitted to make a part: the equations of ACT (Gupta et al., ISCA 2022; README of facebookresearch/ACT).

    carbon per area = (CI_fab EPA + GPA + MPA) / yield            logic = area x carbon per area
    memory = carbon per byte x capacity / yield                   packaging = 150 g a package

All in SI: areas in m2, capacities in B, results in kg of CO2e. Tables: act.toml. ACT's code divides memory by the yield
too, its README does not: the makers' figures are of what they ship, so the default here is a yield of 1 for memory.
Its yield models call `math.e` as a function and cannot run; those here are the textbook's.
"""

import math
from typing import Final

from edgewatt.models.carbon.constants import number, tables_of
from edgewatt.models.carbon.units import G_PER_KWH
from edgewatt.profiler.errors import UsageError

_ACT: Final = "act"
MEMORIES: Final = ("dram", "ssd", "hdd")
FAB: Final = "taiwan"
ABATED_PERCENT: Final = 97
# ACT's default: location.yaml is a link to the file of this year.
_FAB_YEAR: Final = 2022


def carbon_per_area(
    node: str, *, fab: str | float = FAB, abated_percent: int = ABATED_PERCENT, yield_ratio: float | None = None
) -> float:
    """kg/m2 of a chip of a process node such as `7nm`.

    `fab`: a source (`coal`), a place (`taiwan`: of 2022; `taiwan-2023`), or an intensity in kg/J. `abated_percent`: 95,
    99, or 97, their mean. `yield_ratio`: None is ACT's 0.875. Raises UsageError for what ACT has no row of.
    """
    energy = number(_ACT, "epa", node, "process node")
    per_area = fab_intensity(fab) * energy + _gases(node, abated_percent) + number(_ACT, "mpa", node, "node")
    return per_area / checked_yield(default_yield() if yield_ratio is None else yield_ratio)


def net_zero_carbon_per_area(node: str) -> float:
    """kg/m2 by imec's figures, that ACT ships beside its own; a yield is in them. Raises UsageError."""
    return number(_ACT, "net_zero_cpa", node, "process node of imec's table")


def fab_intensity(fab: str | float) -> float:
    """kg/J of the fab's electricity. Raises UsageError for a place nobody knows or an intensity that cannot be."""
    if isinstance(fab, str):
        known = tables_of(_ACT)["fab_ci"]
        dated = f"{fab}-{_FAB_YEAR}"
        return number(_ACT, "fab_ci", dated if dated in known else fab, "electricity of a fab")
    if not 0 <= fab <= 2000 * G_PER_KWH:
        raise UsageError(f"a fab's electricity of {fab:g} kg/J ({fab / G_PER_KWH:g} g/kWh): expected 0 to 2000 g/kWh")
    return fab


def logic_kg(area_m2: float, per_area_kg_per_m2: float, packages_n: int = 1) -> float:
    """Dies of an area and their packages."""
    return _positive(area_m2, "an area", "m2") * per_area_kg_per_m2 + packaging_kg(packages_n)


def memory_kg(kind: str, technology: str, capacity_b: float, yield_ratio: float = 1.0) -> float:
    """DRAM, an SSD or an HDD of a technology of ACT's tables, without packages. Raises UsageError."""
    if kind not in MEMORIES:
        raise UsageError(f"memory {kind!r}: expected one of {', '.join(MEMORIES)}")
    per_byte = number(_ACT, kind, technology, kind)
    return per_byte * _positive(capacity_b, "a capacity", "B") / checked_yield(yield_ratio)


def packaging_kg(packages_n: int) -> float:
    """The packages of so many chips."""
    return number(_ACT, "package", "ic", "package") * _positive(packages_n, "a number", "packages")


def battery_kg(capacity_j: float, cathode: str = "nmc") -> float:
    """A lithium-ion battery that holds so much energy."""
    return number(_ACT, "battery", cathode, "cathode") * _positive(capacity_j, "a battery", "J")


def board_kg(area_m2: float, layers_n: int) -> float:
    """A bare printed circuit board."""
    known = tables_of(_ACT)["board"].get(str(layers_n))
    each = number(_ACT, "board_layer", "each", "layer")
    per_area = known.value if known is not None else each * _positive(layers_n, "a number", "layers")
    return per_area * _positive(area_m2, "an area", "m2")


def material_kg(material: str, mass_kg: float) -> float:
    """A body of steel or aluminium."""
    return number(_ACT, "material", material, "material") * _positive(mass_kg, "a mass", "kg")


def default_yield() -> float:
    """ACT's, 0.875."""
    return number(_ACT, "default", "yield", "default")


def default_defects_per_m2() -> float:
    """ACT's, 0.15 a cm2."""
    return number(_ACT, "defects", "default", "default")


def exponential_yield(area_m2: float, defects_per_m2: float) -> float:
    """1 / (1 + A D)."""
    return 1 / (1 + _defects(area_m2, defects_per_m2))


def poisson_yield(area_m2: float, defects_per_m2: float) -> float:
    """exp(-A D)."""
    return math.exp(-_defects(area_m2, defects_per_m2))


def murphy_yield(area_m2: float, defects_per_m2: float) -> float:
    """((1 - exp(-A D)) / (A D))^2, of a triangular distribution of defects."""
    expected = _defects(area_m2, defects_per_m2)
    return (-math.expm1(-expected) / expected) ** 2 if expected else 1.0


def checked_yield(ratio: float) -> float:
    """A yield. Raises UsageError if it is none."""
    if not 0 < ratio <= 1:
        raise UsageError(f"a yield of {ratio:g}: expected above 0, at most 1 (0.875 is 87.5 %)")
    return ratio


def _gases(node: str, abated_percent: int) -> float:
    tables = {95: ("gpa95",), 97: ("gpa95", "gpa99"), 99: ("gpa99",)}.get(abated_percent)
    if tables is None:
        raise UsageError(f"{abated_percent} % of the gases abated: ACT has 95, 97 (their mean) and 99")
    values = [number(_ACT, table, node, "process node") for table in tables]
    return sum(values) / len(values)


def _defects(area_m2: float, defects_per_m2: float) -> float:
    return _positive(area_m2, "an area", "m2") * _positive(defects_per_m2, "a density", "defects/m2")


def _positive(value: float, what: str, unit: str) -> float:
    if not 0 <= value < math.inf:
        raise UsageError(f"{what} of {value:g} {unit}: expected 0 or more")
    return value
