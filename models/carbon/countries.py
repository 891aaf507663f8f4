"""Yearly averages of countries, shipped: Our World in Data from Ember, as codecarbon republishes it."""

import csv
from functools import cache
from typing import Final

from edgewatt.models.carbon.constants import FOLDER, constant
from edgewatt.models.carbon.grid import Grid, Label, Steps, constant_steps
from edgewatt.models.carbon.units import G_PER_KWH

SOURCE: Final = (
    "Our World in Data, carbon intensity of electricity, from Ember's yearly electricity data; second-hand, from "
    "codecarbon b05965e, data/private_infra/global_energy_mix.json"
)
LICENCE: Final = "CC BY 4.0 (Our World in Data; Ember), republished by codecarbon under MIT"


@cache
def country_grid() -> Grid:
    """The latest year of each of 212 countries, average and life cycle; by two or three letters or the name.

    The year is in the note of a zone: 2022 or 2023 for nearly all. One country is left out whose intensity is given as
    0 g/kWh (Central African Republic): that is no measurement.
    """
    spread = constant("grid", "spread", "year", "spread")
    by_zone: dict[str, Steps] = {}
    names: dict[str, str] = {}
    with (FOLDER / "countries.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            zone = row["zone"]
            by_zone[zone] = constant_steps(float(row["g_per_kwh"]) * G_PER_KWH, f"{row['name']}, {row['year']}")
            names |= {row["iso3"].casefold(): zone, row["name"].casefold(): zone}
    label = Label(
        kind="average",
        scope="lifecycle",
        source=SOURCE,
        licence=LICENCE,
        spread_ratio=spread.value,
        spread_source=f"{spread.tag}: {spread.source}",
        notes=("one number for a whole year: neither the hour nor the day changes it",),
    )
    return Grid(label, by_zone, names)
