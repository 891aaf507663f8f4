"""Grams of CO2e of what was measured: energy x intensity by time and place, and the share of what was emitted to build.

Equations and constants: docs/carbon.md. SI inside: energy in J, intensity in kg of CO2e per J, emissions in kg; a time
is s since 1970, UTC. Values that have an interval are `Interval(value, low, high)`.

    from edgewatt.models.carbon.places import PLACES, Place, place_of
        PLACES                                       ("phone", "access", "edge", "core", "cloud")
        place_of(name: str) -> Place                 one of these, or the path of a PROFILE.toml
        Place.operational_kg(energy_j, intensity_kg_per_j)    of its own supply: PUE, or the phone's charger; arrays or
                                                     floats, broadcast; `.supply` is the Interval of joules drawn from
                                                     the grid per joule consumed (value used; low and high for ranges)
        Place.embodied_kg_per_s: float               of one user, per second of use; `.embodied_per_s` as an Interval
        Place.embodied_kg(seconds)                   arrays or floats
        Place.power_w, .energy_j_per_b               Interval, or None where nobody told it (networks: J per byte)
        Place.lifetime_s, .use_ratio, .shared_by     Intervals, already in embodied_kg_per_s
    from edgewatt.models.carbon.operational import operational_kg
        operational_kg(energy_j, intensity_kg_per_j, supply_ratio=1.0)

    from edgewatt.models.carbon.grid import Grid, Label
        Grid.intensity(zone: str, t_s) -> float64 array of kg/J, shaped as t_s (a day: np.arange(24) * 3600 + start; a
                                                     year likewise). Raises UsageError: unknown zone, gap, outside.
        Grid.mean(zone, t0_s, t1_s) -> array         the mean over each interval
        Grid.label: Label                            kind (average, marginal), scope (direct, lifecycle), source,
                                                     licence, is_synthetic; one for the whole grid
        Grid.zones -> tuple[str, ...]
    from edgewatt.models.carbon.countries import country_grid
        country_grid() -> Grid                       yearly averages of countries, by two or three letters
    from edgewatt.models.carbon.grid_files import read_grid
        read_grid(path, *, zone=None, unit=None, kind=None, scope=None) -> Grid      a user's hourly CSV
    from edgewatt.models.carbon.synthetic import synthetic_grid
        synthetic_grid({zone: shape}, start_s, days, seed) -> Grid   hourly, made up, says so; zone: solar, wind or coal

    from edgewatt.models.carbon.charging import Habit, Session, charged_intensity
        Habit(start_h, end_h, utc_offset_h).intensity(grid, zone, t_s) -> array   of the charge that t_s draws from: a
                                                     phone emits at the intensity of when it charged
        charged_intensity(grid, zone, sessions, at_s) -> float     of a log, read_charges(path): a calibration or CSV

    from edgewatt.models.carbon.units import G_PER_KWH     kg/J of one g/kWh: intensity_kg_per_j = g_per_kwh * G_PER_KWH
"""
