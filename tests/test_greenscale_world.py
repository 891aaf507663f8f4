"""What tasks take and emit: parts add up, optima are those of an exhaustive search, directions are as they must be."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgewatt.models.carbon.charging import Session
from edgewatt.models.carbon.grid import Grid
from edgewatt.models.carbon.synthetic import synthetic_grid
from edgewatt.models.carbon.units import G_PER_KWH
from edgewatt.models.greenscale.constants import CLOUD, CORE, EDGE, PHONE
from edgewatt.models.greenscale.deciding import CARBON, ENERGY, LATENCY, OBJECTIVES, best
from edgewatt.models.greenscale.facing import Faced, faced
from edgewatt.models.greenscale.intensities import Hours, Period, by_hour, period_of, synthetic_period
from edgewatt.models.greenscale.scenarios import apart_from_grids, moments_of, scenario_names, scenario_of
from edgewatt.models.greenscale.tasks import App
from edgewatt.models.greenscale.trial import tried
from edgewatt.models.greenscale.world import AT_EDGE, IN_CLOUD, ON_PHONE, Costs, costs
from edgewatt.models.scheduling.constants import Draw
from edgewatt.profiler.errors import UsageError
from tests.greenscale_worlds import CONSTANTS, YEAR, asked, built, calibration, own_phone

STATED = built()
APPS = {app.name: app for app in STATED.apps}


def faces(app: str, scenario: str = "base", count: int = 30, seed: int = 5) -> Faced:
    return faced(STATED, scenario_of(CONSTANTS, scenario), APPS[app], count, np.random.default_rng(seed))


def one(app: App, *, signal: float = -55.0, co: float = 0.0, load: float = 0.5, g_per_kwh: float = 400.0) -> Costs:
    """A single task at known conditions, at one intensity everywhere."""
    base = scenario_of(CONSTANTS, "base")
    still = replace(base, signal_dbm=(signal, 0.0), co_cpu_ratio=(co, 0.0), load_ratio=(load, 0.0))
    noon = np.full(48, 8.0)
    moments = moments_of(still, CONSTANTS, np.array([0]), app.slots_n, noon, np.random.default_rng(0)).expected()
    flat = np.full(48, g_per_kwh * G_PER_KWH)
    return costs(app, still, STATED.machines, Hours(flat, flat, flat), moments)


@pytest.mark.parametrize(("app", "objective"), list(itertools.product(["photos", "translate", "vr"], OBJECTIVES)))
def test_the_best_is_that_of_an_exhaustive_search(app: str, objective: str) -> None:
    of = faces(app, "co_runner").expected
    n, places_n, slots_n = of.latency_s.shape
    value = OBJECTIVES[objective](of)
    for k, choice in enumerate(best(of, objective)):
        every = list(itertools.product(range(places_n), range(slots_n)))
        in_time = [
            (p, s) for p, s in every if of.latency_s[k, p, s] < APPS[app].deadline_s and of.lateness[k, p, s] < 1
        ]
        least = min(in_time, key=lambda at: value[k][at]) if in_time else min(every, key=lambda at: of.latency_s[k][at])
        assert divmod(int(choice), slots_n) == least
    assert n == 30


def test_carbon_and_energy_add_up_to_their_parts() -> None:
    of = faces("photos").costs
    assert of.kg == pytest.approx(of.operational_kg.sum(axis=3) + of.embodied_kg.sum(axis=3))
    flat = one(APPS["detect"])
    assert flat.operational_kg.sum(axis=3) == pytest.approx(flat.energy_j * 400 * G_PER_KWH)
    assert (flat.operational_kg[0, ON_PHONE, 0, EDGE:] == 0).all()
    assert flat.operational_kg[0, AT_EDGE, 0, CORE] == flat.operational_kg[0, AT_EDGE, 0, CLOUD] == 0
    assert flat.operational_kg[0, IN_CLOUD, 0, EDGE] == 0
    assert flat.energy_j[0, ON_PHONE, 0] == pytest.approx(flat.phone_j[0, ON_PHONE, 0] * STATED.machines.supply[PHONE])


def test_a_task_on_the_phone_by_hand() -> None:
    app, of = APPS["detect"], one(APPS["detect"], co=0.5)
    seconds = 0.045 * 1.5
    joules = (0.6 + 2.8) * seconds
    assert of.latency_s[0, ON_PHONE, 0] == pytest.approx(seconds)
    assert of.phone_j[0, ON_PHONE, 0] == pytest.approx(joules)
    per_s = CONSTANTS["place.phone.embodied_kg_per_s"]
    assert of.kg[0, ON_PHONE, 0] == pytest.approx(joules / 0.765 * 400e-3 / 3.6e6 + seconds * per_s)
    assert app.period_s == 0


def test_a_task_in_the_cloud_by_hand() -> None:
    of = one(APPS["detect"], load=0.5)
    travel_s = 62_000 / 1e7
    assert of.latency_s[0, IN_CLOUD, 0] == pytest.approx(travel_s + 0.03 + 0.006 * 1.1, rel=1e-3)
    watts = (1000 + 500 / 0.5) / 64
    assert of.operational_kg[0, IN_CLOUD, 0, CLOUD] == pytest.approx(watts * 0.006 * 1.1 * 400 * G_PER_KWH, rel=1e-3)
    per_s = CONSTANTS["place.cloud.embodied_kg_per_s"]
    assert of.embodied_kg[0, IN_CLOUD, 0, CLOUD] == pytest.approx(0.006 / 64 * per_s)


def test_without_intensity_only_what_was_built_is_left() -> None:
    of = one(APPS["game_heavy"], g_per_kwh=0.0)
    assert (of.operational_kg == 0).all()
    assert (of.kg == of.embodied_kg.sum(axis=3)).all()
    assert (of.kg > 0).all()
    assert (faces("game_heavy", "no_embodied").costs.embodied_kg == 0).all()


def test_more_signal_never_costs_more_and_a_co_runner_slows_the_phone_only() -> None:
    weak, strong = (one(APPS["ar"], signal=dbm) for dbm in (-85.0, -45.0))
    for name in ("latency_s", "phone_j", "energy_j", "kg"):
        assert (getattr(strong, name) <= getattr(weak, name)).all()
    beside, alone = one(APPS["ar"], co=0.7), one(APPS["ar"])
    assert beside.latency_s[0, ON_PHONE, 0] > alone.latency_s[0, ON_PHONE, 0]
    assert (beside.kg[0, 1:] == alone.kg[0, 1:]).all()


def test_load_makes_a_server_slower_and_shares_its_idle_power() -> None:
    idle, busy = one(APPS["translate"], load=0.2), one(APPS["translate"], load=0.8)
    assert busy.latency_s[0, AT_EDGE, 0] > idle.latency_s[0, AT_EDGE, 0]
    assert busy.operational_kg[0, AT_EDGE, 0, EDGE] < idle.operational_kg[0, AT_EDGE, 0, EDGE]


def test_a_stream_that_its_radio_cannot_carry_is_too_late() -> None:
    slow = one(replace(APPS["vr"], deadline_s=1.0), signal=-85.0)
    assert slow.latency_s[0, AT_EDGE, 0] < 1.0
    assert slow.lateness[0, AT_EDGE, 0] > 1


def test_least_carbon_differs_from_least_energy_and_from_least_latency() -> None:
    trial = tried(STATED, ["base", "coal_home", "coal_cloud"], 60, 0, methods=(CARBON, ENERGY, LATENCY))
    cleaner = [trial.saving("base", "translate", other, CARBON) for other in (ENERGY, LATENCY)]
    assert min(cleaner) > 5
    in_cloud = {s: trial.results[s, "translate", CARBON].places[IN_CLOUD] for s in trial.scenarios}
    assert in_cloud["coal_home"] > 0.9, "dirty current at home sends work away"
    assert in_cloud["coal_cloud"] < 0.1, "dirty current in the cloud keeps it"
    least = trial.results["base", "translate", ENERGY].energy_j
    assert trial.results["base", "translate", CARBON].energy_j > least


def test_work_that_can_wait_is_begun_in_a_greener_hour() -> None:
    trial = tried(STATED, ["no_embodied"], 60, 0, methods=(CARBON, ENERGY))
    assert trial.results["no_embodied", "photos", CARBON].waits_h > 1
    assert trial.results["no_embodied", "vr", CARBON].waits_h == 0


def test_charging_at_noon_is_greener_and_a_log_of_it_the_same() -> None:
    noon, evening = (
        YEAR.of(scenario_of(CONSTANTS, f"charge_{when}"), CONSTANTS, Draw()).phone for when in ("noon", "evening")
    )
    assert noon.mean() < 0.8 * evening.mean()
    log = [Session(10 * 3600.0, 14 * 3600.0, 20_000.0)]
    assert by_hour(log).tolist() == [0.0] * 10 + [0.25] * 4 + [0.0] * 10
    logged = synthetic_period(0, log).of(scenario_of(CONSTANTS, "base"), CONSTANTS, Draw()).phone
    assert logged.mean() == pytest.approx(noon.mean(), rel=0.01)
    with pytest.raises(UsageError, match="brought no energy"):
        by_hour([])


def test_a_cloud_that_buys_green_energy_has_less_intensity() -> None:
    base, green = (YEAR.of(scenario_of(CONSTANTS, name), CONSTANTS, Draw()).cloud for name in ("base", "green_cloud"))
    assert green == pytest.approx(0.2 * base + 0.8 * 11 * G_PER_KWH, rel=1e-3)


def test_a_given_grid_has_as_many_whole_days_as_it_covers() -> None:
    grid = synthetic_grid({"A": "solar", "B": "wind"}, 1_700_000_000 // 86400 * 86400.0 + 3600, 8, 0)
    period = period_of(grid, "A", "B", 1.0)
    assert (period.days, period.start_s % 86400) == (4, 0)
    hours = period.of(scenario_of(CONSTANTS, "base"), CONSTANTS, Draw(vary=True))
    at = period.start_s + 3600 * np.arange(4 * 24)
    assert (hours.home[:96] == grid.intensity("A", at)).all(), "what is given is not varied"
    short = synthetic_grid({"A": "solar"}, 0.0, 3, 0)
    with pytest.raises(UsageError, match=r"A have intensities together from 1970-01-01 .* 2 whole days before"):
        period_of(short, "A", "A", 0.0)
    assert scenario_names(CONSTANTS) != apart_from_grids(CONSTANTS, scenario_names(CONSTANTS))


def test_a_gap_in_the_period_is_refused() -> None:
    whole = synthetic_grid({"A": "solar"}, 0.0, 8, 0)
    steps = whole.steps("A")
    there = np.arange(len(steps.t0_s)) != 100
    holed = Grid(whole.label, {"A": type(steps)(steps.t0_s[there], steps.t1_s[there], steps.kg_per_j[there])})
    period = Period(holed, 2 * 86400.0, 4, zones=("A", "A"))
    with pytest.raises(UsageError, match="zone A: no intensity"):
        period.of(scenario_of(CONSTANTS, "base"), CONSTANTS, Draw())


def test_measured_rows_replace_what_was_assumed() -> None:
    mine = built(asked(own_phone()))
    net = next(app for app in mine.apps if app.kind == "ai")
    assert (net.name, net.phone_s, net.deadline_s, net.sent_b) == ("net", 0.030, 0.05, 40_000)
    assert net.phone_w == pytest.approx(0.09 / 0.030 - 0.5)
    assert net.edge_s == pytest.approx(0.030 * 0.012 / 0.045), "as of detect, relative to the phone's"
    assert "seconds on edge as of detect" in net.note
    assert mine.machines.idle_w == 0.5
    slow = own_phone(co_runner=[{"model": "net", "target": "cpu", "co_cpu_ratio": 0.5, "slowdown_ratio": 1.25}])
    assert built(asked(slow)).machines.of_cpu == pytest.approx(0.5)
    offload = [{"to": "edge:cpu", "interface": "wlan0", "model": "net", "remote_s": 0.004}]
    told = built(asked(own_phone(offload=offload))).apps[0]
    assert (told.name, told.edge_s) == ("net", 0.004)


def test_frames_stand_for_what_somebody_says_they_do() -> None:
    frames = [{"application": "com.game", "rate_hz": 40.0, "power_w": 3.0, "frames_n": 100}]
    mine = own_phone(frames=frames)
    game = next(app for app in built(asked(mine, game="com.game")).apps if app.kind == "game")
    assert (game.name, game.period_s) == ("com.game", 0.025)
    assert game.phone_w * game.phone_s == pytest.approx((3.0 - 0.5) / 40)
    assert [app.name for app in built(asked(mine)).apps if app.kind == "game"] == ["game_light", "game_heavy"]
    with pytest.raises(UsageError, match=r"no frames of 'chess', .* the calibration has com\.game"):
        _ = built(asked(mine, arvr="chess")).apps


def test_components_of_a_calibration_replace_places() -> None:
    rows = [
        {"component": "edge_dc", "pue_ratio": 1.2, "embodied_kg": 500.0, "lifetime_s": 1e8, "use_ratio": 0.5},
        {"component": "core_net", "energy_j_per_bit": 1e-6},
        {"component": "access_point", "state": "active", "power_w": 5.0},
        {"component": "core_net", "application": "web traffic", "energy_j_per_bit": 1.0},
        {"component": "charger", "pue_ratio": 2.9},
    ]
    found = built(asked(calibration(components=rows))).machines
    assert (found.supply[EDGE], found.supply[PHONE]) == (pytest.approx(1.2), pytest.approx(2.9))
    assert found.embodied_kg_per_s[EDGE] == pytest.approx(1e-5)
    assert (found.core_j_per_b, found.access_w) == (pytest.approx(8e-6), 5.0)
    assert any("are not used" in note for note in found.notes)
