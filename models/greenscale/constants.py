"""The constants of greenscale.toml, and of the five places those that the carbon room ships, under one roof."""

from dataclasses import replace
from functools import cache
from typing import Final

from edgewatt.models.carbon.place import Place
from edgewatt.models.carbon.places import place_of
from edgewatt.models.scheduling.constants import Constant, Constants, constants_of

PHONE, ACCESS, EDGE, CORE, CLOUD = range(5)
COMPONENTS: Final = ("phone", "access", "edge", "core", "cloud")
# A grid that is made up may as well be dirtier or cleaner.
SHAPES: Final = ("solar", "wind", "coal")
_WEAKEST: Final = ("confirmed", "second-hand", "remembered", "assumed")


@cache
def greenscale_constants() -> Constants:
    """Of each place also `place.NAME.embodied_kg_per_s`, and `place.NAME.lost_ratio`, joules lost on the way to one.

    `grid.SHAPE` multiplies the intensities of a synthetic grid.
    """
    stated = constants_of("../greenscale/greenscale")
    more: dict[str, Constant] = {}
    for name in (*COMPONENTS, "phone-lca"):
        place = place_of(name)
        source = f"models/carbon/places/{name}.toml"
        more[f"place.{name}.embodied_kg_per_s"] = Constant(
            place.embodied_kg_per_s, "kg/s", _embodied_tag(place), source
        )
        supply = [basis.tag for key, basis in place.bases if key in ("pue_ratio", "charger_efficiency")]
        more[f"place.{name}.lost_ratio"] = Constant(place.supply.value - 1, "J/J", _weakest(supply), source)
        if place.energy_j_per_b is not None:
            tags = [basis.tag for key, basis in place.bases if key.startswith("energy")]
            more[f"place.{name}.energy_j_per_b"] = Constant(place.energy_j_per_b.value, "J/B", _weakest(tags), source)
    for shape in SHAPES:
        more[f"grid.{shape}"] = Constant(1.0, "ratio", "assumed", "models/carbon/grid.toml: made up")
    return replace(stated, by_name={**stated.by_name, **more})


def _embodied_tag(place: Place) -> str:
    """The weakest of its parts, its lifetime, its use and its users."""
    told = [basis.tag for key, basis in place.bases if key.startswith(("lifetime", "use", "shared"))]
    return _weakest([*(part.basis.tag for part in place.parts), *told])


def _weakest(tags: list[str]) -> str:
    return max(tags, key=_WEAKEST.index, default="assumed")
