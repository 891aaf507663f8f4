"""Fleets from files of others: FedScale's pickles, which are never executed, and traces of what is around a device."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.device_profiles.published import published
from edgewatt.models.federated.fleet.building import fleet_of
from edgewatt.models.federated.fleet.fedscale import fedscale_fleet, read_behaviour, read_capacity
from edgewatt.models.federated.fleet.plain_pickle import plain_pickle
from edgewatt.models.federated.fleet.traces import COLUMNS, read_trace, trace_from
from edgewatt.models.federated.round import Choice, Job
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.calibration.calibration import calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.export import export
from edgewatt.reports.formats.chosen import Chosen

CONSTANTS = constants_of("../federated/testbed")
CLIENTS = {k: {"computation": 10.0 + k, "communication": 8000.0} for k in range(20)}
STAYS = {
    0: {"duration": 100, "inactive": [40, 90], "active": [10, 60], "finish_time": 100, "model": "a"},
    1: {"duration": 50, "inactive": [50], "active": [0], "finish_time": 50, "model": "b"},
    2: {"duration": 50, "inactive": [], "active": [], "finish_time": 50, "model": "c"},
}
TRACE = "t_s,co_cpu_ratio,co_memory_ratio,up_b_per_s\n0,0,0,1e6\n60,0.5,0.25,\n120,1,1,2e6\n"


class Opener:
    """A value that opens a program as it is loaded."""

    def __reduce__(self) -> Any:
        return os.system, ("exit 1",)


def kept(folder: Path, value: Any, **how: Any) -> Path:
    path = folder / "file"
    path.write_bytes(pickle.dumps(value, **how))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickles_of_every_protocol_are_read(protocol: int) -> None:
    value = {"a": [1, -(2**70), 2.5, None, True, "é"], 7: {"b": [[], {}]}, "more": list(range(3000))}
    assert plain_pickle(pickle.dumps(value, protocol), "it") == value


@pytest.mark.parametrize("value", [Opener(), {0: Opener()}, (1, 2), {1, 2}, b"bytes", np.float64(1), Path("/")])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_is_not_plain_is_named_and_not_made(value: Any, protocol: int) -> None:
    with pytest.raises(UsageError, match=r"it: its pickle has .*makes more than plain values.*It was not executed"):
        plain_pickle(pickle.dumps(value, protocol), "it")


def test_a_memo_of_a_large_number_takes_no_memory() -> None:
    # 2^32 - 1 in LONG_BINPUT: a reader with an array for it would take 64 GB.
    assert plain_pickle(b"\x80\x02]r\xff\xff\xff\xff.", "it") == []


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_bytes_are_a_value_or_a_reason(noise: bytes, at: int) -> None:
    whole = pickle.dumps(STAYS, 4)
    for raw in (noise, whole[:at] + noise + whole[at:], whole[:at]):
        try:
            plain_pickle(raw, "it")
        except UsageError as error:
            assert str(error).startswith("it: ")  # noqa: PT017  (both ends are right)


@pytest.mark.parametrize("as_json", [False, True])
def test_fedscales_clients_are_devices_by_speed(tmp_path: Path, as_json: bool) -> None:  # noqa: FBT001
    path = kept(tmp_path, CLIENTS)
    if as_json:
        path.write_text(json.dumps(CLIENTS))
    of = fedscale_fleet(read_capacity(path), CONSTANTS, Draw(), "ideal", 1)
    assert np.array([kind.tier for kind in of.kinds])[of.kind_of].tolist() == [0] * 3 + [1] * 7 + [2] * 10
    devices = np.array([0, 5, 19])
    job = Job("whatever", 2, 1, 0, 1_000_000, 4, 2, 3)
    choice = Choice(devices, np.zeros(3, int), np.full(3, 4), np.full(3, 2))
    found = of.costs(job, choice, np.full(20, 12), of.conditions(0))
    # FedScale: 3.0 x batch x steps x computation / 1000; 8 Mbit over 8,000 kbit/s.
    assert found.compute_s == pytest.approx([3.0 * 4 * 6 * ms / 1000 for ms in (10, 15, 29)])
    assert found.send_s == pytest.approx([1.0] * 3)
    assert "assumed" in of.notes[-1]


def test_fedscales_availability_says_who_answers(tmp_path: Path) -> None:
    behaviour = read_behaviour(kept(tmp_path, STAYS))
    at = {time: behaviour.active(time).tolist() for time in (0.0, 10.0, 50.0, 70.0, 95.0, 110.0)}
    assert [at[time][0] for time in at] == [False, True, False, True, False, True]
    assert all(active[1] and not active[2] for active in at.values())
    of = fedscale_fleet(read_capacity(kept(tmp_path, CLIENTS)), CONSTANTS, Draw(), "ideal", 1, behaviour)
    # A round goes on by 60 s; device n is client n modulo 3.
    assert of.conditions(0).available.tolist() == [False, True, False] * 6 + [False, True]
    assert of.conditions(1).available.tolist() == [True, True, False] * 6 + [True, True]


@pytest.mark.parametrize("pickled", [False, True])
def test_what_edgewatt_exports_is_read_again(tmp_path: Path, pickled: bool) -> None:  # noqa: FBT001
    measured = {"device_id": "a", "basis": "measured", "source": "aa"}
    rows = {
        "training_step": [{**measured, "model": "lenet", "batch": 8, "step_s": 0.12}],
        "radio": [{**measured, "interface": "wlan0", "send_b_per_s": 1e6, "receive_b_per_s": 1e6}],
        "charge": [{**measured, "t0_s": 100.0, "t1_s": 400.0}],
    }
    phone = calibration_of_rows(Head(created="2026-11-26", devices={"a": CalibratedDevice("A")}), rows)
    for to in ("fedscale", "fedscale-availability"):
        export([], to, tmp_path / to, calibrations=[phone], chosen=Chosen(pickled=pickled))
    capacity = read_capacity(tmp_path / "fedscale")
    assert capacity.sample_s == pytest.approx([0.12 / 8 / 3])
    assert capacity.b_per_s == pytest.approx([1e6])
    assert read_behaviour(tmp_path / "fedscale-availability").active(150.0).tolist() == [True]


@pytest.mark.parametrize(
    ("clients", "said"),
    [
        ([], "is list; expected a dictionary"),
        ({}, "is 0 clients"),
        ({3: 4}, "client 3 is int"),
        ({3: {"computation": 1.0}}, "communication of client 3 is not there"),
        ({3: {"computation": -1.0, "communication": 1.0}}, "computation of client 3 is -1;"),
        ({3: {"computation": "1", "communication": 1.0}}, "computation of client 3 is a str"),
        ({3: {"computation": float("nan"), "communication": 1.0}}, "computation of client 3 is a float"),
        ({3: {"computation": 1.0, "communication": 1e-310}}, "communication of client 3 is 1e-310;"),
        ({10**6000: 5}, "a client's id is a int; expected a text or a number"),
    ],
)
def test_a_capacity_that_is_none_is_refused(tmp_path: Path, clients: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_capacity(kept(tmp_path, clients))


@pytest.mark.parametrize(
    ("stay", "said"),
    [
        ({"inactive": [5]}, "has 2 of `active` and 1 of `inactive`"),
        ({"active": 5}, "active of client 0 is int; expected a list"),
        ({"active": [1, "2"]}, "active of client 0 is no list of finite seconds"),
        ({"finish_time": 0}, "finish_time of client 0 is 0"),
    ],
)
def test_an_availability_that_is_none_is_refused(tmp_path: Path, stay: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_behaviour(kept(tmp_path, {0: {**STAYS[0], **stay}}))


def test_a_trace_takes_the_place_of_what_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    of = fleet_of(published("autofl"), CONSTANTS, Draw(), "interference", 1).replaying(read_trace(path))
    rounds = [of.conditions(number) for number in range(4)]
    pairs = {(float(c), float(m), float(r)) for one in rounds for c, m, r in zip(
        one.co_cpu_ratio, one.co_memory_ratio, one.up_b_per_s, strict=True)}  # fmt: skip
    assert pairs == {(0.0, 0.0, 1e6), (0.5, 0.25, of.good_b_per_s[0]), (1.0, 1.0, 2e6)}
    # Rows of 60 s, and rounds 60 s apart: after three of them it begins again.
    assert np.array_equal(rounds[0].co_cpu_ratio, rounds[3].co_cpu_ratio)
    assert not np.array_equal(rounds[0].co_cpu_ratio, rounds[1].co_cpu_ratio)
    lost = of.replaying(trace_from(b"t_s,co_cpu_ratio,co_memory_ratio,up_b_per_s\n0,0,0,0\n", "it")).conditions(0)
    assert not lost.available.any()
    assert (lost.up_b_per_s > 0).all()
    with pytest.raises(UsageError, match="no trace to replay"):
        of.replaying()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column t_s"),
        ("t_s,co_cpu_ratio\n0,0\n", "has no column co_memory_ratio, up_b_per_s"),
        (",".join(COLUMNS) + "\n", "has no rows"),
        (",".join(COLUMNS) + "\n0,1.5,0,1\n", "line 2: co_cpu_ratio is '1.5', expected a number from 0 to 1"),
        (",".join(COLUMNS) + "\n0,0,0,1\n0,0,0,1\n", "line 3: t_s does not rise"),
        (",".join(COLUMNS) + "\nnan,0,0,1\n", "t_s is 'nan', expected a finite time"),
        (",".join(COLUMNS) + "\n0,0,0,1e-306\n", "up_b_per_s is '1e-306', expected 0"),
        (",".join(COLUMNS) + "\n0\n", "co_cpu_ratio is ''"),
        ("\udcff", "no text of CSV"),
    ],
)
def test_a_trace_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trace_from(text.encode(errors="surrogateescape"), "trace x")


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_trace_or_a_reason(raw: bytes) -> None:
    for text in (raw, TRACE.encode() + raw):
        try:
            trace_from(text, "it")
        except UsageError as error:
            assert str(error).startswith("it")  # noqa: PT017  (both ends are right)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for read in (read_capacity, read_behaviour, read_trace):
        with pytest.raises(UsageError, match="none: cannot be read"):
            read(tmp_path / "none")
