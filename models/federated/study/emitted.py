"""Carbon of one trained model: joules to the target x the grid's intensity x what a charger loses."""

from typing import Final

from edgewatt.models.carbon.countries import country_grid
from edgewatt.models.carbon.operational import charger, operational_kg, supply_of_charger
from edgewatt.models.federated.study.explaining import not_reached
from edgewatt.models.federated.study.headlines import Tried, row
from edgewatt.models.headline import Headline

_G_PER_KG: Final = 1000.0


def kg_per_j(zone: str) -> tuple[float, str]:
    """The yearly average of a country, and what it is called. Raises UsageError for an unknown zone."""
    grid = country_grid()
    steps = grid.steps(zone)
    return float(steps.kg_per_j[0]), f"{grid.zone(zone)} ({steps.note})"


def carbon_headlines(of: Tried, zone: str) -> list[Headline]:
    """Grams of CO2e of one trained model, by method, in the first case: of the participants' joules."""
    intensity, name = kg_per_j(zone)
    supply, case = supply_of_charger(charger()).value, of.cases[0]
    found = []
    for method in of.methods:
        reached = [of.found.reached(method, case, seed) for seed in of.seeds]
        local, whole = (
            [_G_PER_KG * float(operational_kg(joules, intensity, supply)) for joules in each]
            for each in ([r.local_j for r in reached], [r.global_j for r in reached])
        )
        words = [
            f"computing and sending to the target; of all devices, idling too, {sum(whole) / len(whole):.3g} g",
            f"{intensity * 3.6e9:.0f} g/kWh of {name}, average, life cycle; {supply:.2f} J from the grid per J",
            "no server, no network beyond the phone's radio, nothing embodied",
            not_reached(of.found, (method,), [case], of.seeds),
        ]
        found.append(row(
            of, f"CO2e of one model trained by {method}, {case}", local, "; ".join(word for word in words if word),
            unit="g", better="lower",
        ))  # fmt: skip
    return found
