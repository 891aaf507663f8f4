"""What Prometheus is told, read back with its own parsers."""

import math

import pytest

from edgewatt.profiler.units import Quantity
from edgewatt.reports.live.metrics import exposition
from tests.sample_runs import HOSTILE
from tests.watching_views import device_view, line, view_of

pytestmark = pytest.mark.extra
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def families(view: object, accept: str = "") -> dict[str, object]:
    """The families by name, as the official parser of the format sees them."""
    plain = pytest.importorskip("prometheus_client.parser")
    open_metrics = pytest.importorskip("prometheus_client.openmetrics.parser")
    body, kind = exposition(view, accept)  # type: ignore[arg-type]
    assert kind.startswith(accept.partition(";")[0] or "text/plain")
    parse = open_metrics if accept else plain
    return {family.name: family for family in parse.text_string_to_metric_families(body.decode())}


def samples(view: object, name: str, accept: str = "") -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in families(view, accept).values()
        for sample in family.samples  # type: ignore[attr-defined]
        if sample.name == name
    ]


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
def test_names_units_and_labels(accept: str) -> None:
    of = {"device": "virtual:phone", "simulated": "true"}
    view = view_of()
    assert samples(view, "edgewatt_power_watts", accept) == [({**of, "channel": "meter/main"}, 2.5)]
    assert samples(view, "edgewatt_energy_joules_total", accept) == [({**of, "channel": "meter/main"}, 12.5)]
    assert samples(view, "edgewatt_temperature_celsius", accept) == [({**of, "channel": "skin"}, 38.25)]
    assert samples(view, "edgewatt_samples_lost_total", accept) == [({**of, "stream": "meter"}, 3.0)]
    assert samples(view, "edgewatt_device_info", accept) == [({**of, "name": "virtual phone"}, 1.0)]
    assert samples(view, "edgewatt_up", accept) == [(of, 1.0)]
    ((_, when),) = samples(view, "edgewatt_last_sample_timestamp_seconds", accept)
    assert when == pytest.approx(1_000_009.9)
    ((_, created),) = samples(view, "edgewatt_energy_joules_created", accept)
    assert created == 1_000_000.0


def test_what_is_not_measured_is_absent_and_not_zero() -> None:
    view = view_of(
        device_view(state="waiting", lines=(line(value=None, energy_j=None), line("cpu", None, Quantity.LOAD)))
    )
    assert samples(view, "edgewatt_power_watts") == []
    assert samples(view, "edgewatt_energy_joules_total") == []
    assert samples(view, "edgewatt_load_ratio") == []
    assert [value for _, value in samples(view, "edgewatt_up")] == [0.0]
    assert not any(math.isnan(sample.value) for of in families(view).values() for sample in of.samples)  # type: ignore[attr-defined]


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
def test_hostile_names_stay_labels_and_no_two_series_are_alike(accept: str) -> None:
    names = (HOSTILE, HOSTILE + "y", 'a"b\\c\n# HELP x', "}{")
    devices = [device_view(name, label=name, lines=tuple(line(of) for of in names)) for name in names]
    found = samples(view_of(*devices), "edgewatt_power_watts", accept)
    keys = [tuple(sorted(labels.items())) for labels, _ in found]
    assert len(keys) == len(set(keys)) > 8
    assert all(value.isprintable() and len(value) <= 130 for labels, _ in found for value in labels.values())
    assert all(labels["simulated"] == "true" for labels, _ in found)


@pytest.mark.parametrize(
    "accept", ["*/*", "text/plain;version=x", "application/openmetrics-text;version=", "\x00", ";" * 5000]
)
def test_any_accept_is_answered(accept: str) -> None:
    pytest.importorskip("prometheus_client")
    body, _ = exposition(view_of(), accept)
    assert b"edgewatt_power_watts" in body
