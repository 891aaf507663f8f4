"""What a person gives: into blank columns, said in the head, and a slip named."""

from dataclasses import replace

import pytest

from edgewatt.commands.calibration_given import inputs_of
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Given, Head
from edgewatt.profiler.calibration.inputs import OF_DEVICES, OF_MODELS, Inputs, with_inputs
from edgewatt.profiler.errors import UsageError

ORIGIN = {"device_id": "p", "basis": "measured", "source": "a"}


def executed() -> Calibration:
    rows = [{**ORIGIN, "model": "net", "precision": precision, "latency_s": 0.1} for precision in ("int8", "fp32")]
    step = {**ORIGIN, "model": "net", "precision": "fp32", "batch": 4, "step_s": 1.0, "update_b": None}
    return calibration_of_rows(
        Head(created="2026", devices={"p": CalibratedDevice("p")}), {"inference": rows, "training_step": [step]}
    )


GIVEN = inputs_of(
    ["net:int8=0.71"],
    ["net=1e3"],
    ["models.qos_s@net=0.05", "models.conv_n@net=35", "devices.tier=mid", "devices.devices_n=70"],
)


def test_it_fills_blank_columns_and_is_said() -> None:
    made = with_inputs(executed(), GIVEN)
    assert [row["accuracy_ratio"] for row in made.rows("inference")] == [0.71, None]
    assert [(row["precision"], row["accuracy_ratio"]) for row in made.rows("models")] == [
        ("int8", 0.71),
        ("fp32", None),
    ]
    (first, _) = made.rows("models")
    assert (first["qos_s"], first["conv_n"], first["update_b"]) == (0.05, 35, 1000)
    assert made.rows("training_step")[0]["update_b"] == 1000
    (device,) = made.rows("devices")
    assert (device["tier"], device["devices_n"], device["basis"]) == ("mid", 70, "assumed")
    assert Given("inference.accuracy_ratio", "net:int8", 0.71) in made.head.inputs
    assert Given("devices.tier", "", "mid") in made.head.inputs
    assert with_inputs(made, GIVEN) == made


def test_what_was_measured_stays() -> None:
    known = calibration_of_rows(
        executed().head, {"models": [{**ORIGIN, "model": "net", "precision": "int8", "conv_n": 53, "fc_n": None}]}
    )
    assert with_inputs(known, inputs_of([], [], ["models.conv_n@net=35"])).rows("models")[0]["conv_n"] == 53


def test_nothing_given_changes_nothing() -> None:
    assert with_inputs(executed(), Inputs()) == executed()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (Inputs(accuracies={("ent", "int8"): 0.7}), "no run executed ent:int8.*net:fp32, net:int8"),
        (Inputs(qos_s={"ent": 0.7}), "no run executed the model 'ent'; they executed net"),
        (Inputs(update_b={"ent": 7}), "'ent'"),
    ],
)
def test_a_model_that_nobody_executed_is_named(inputs: Inputs, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        with_inputs(executed(), inputs)


def test_facts_of_a_device_are_of_one() -> None:
    two = executed()
    head = replace(two.head, devices={**two.head.devices, "q": CalibratedDevice("q")})
    with pytest.raises(UsageError, match="of which device"):
        with_inputs(replace(two, head=head), Inputs(of_device={"tier": "low"}))


@pytest.mark.parametrize(
    ("accuracies", "updates", "given", "said"),
    [
        (["net=0.7"], [], [], "expected MODEL:PRECISION=SHARE"),
        (["net:int8=71"], [], [], "is it in percent"),
        (["net:int8=nan"], [], [], "expected a number from 0 to 1"),
        ([], ["1000"], [], "expected MODEL=N"),
        ([], ["net=1.5"], [], "expected a whole number"),
        ([], [], ["models.qos_s=0.05"], "expected models.COLUMN@MODEL=VALUE"),
        ([], [], ["devices.tier@net=mid"], "expected models.COLUMN@MODEL=VALUE"),
        ([], [], ["power.busy_w=1"], "expected models.COLUMN@MODEL=VALUE"),
        ([], [], ["models.qos_ms@net=50"], "no column 'qos_ms' to give; it has conv_n"),
        ([], [], ["devices.basis=measured"], "no column 'basis'"),
    ],
)
def test_a_slip_on_the_command_line_is_named(
    accuracies: list[str], updates: list[str], given: list[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        inputs_of(accuracies, updates, given)


def test_what_can_be_given_is_no_identity() -> None:
    assert {"model", "basis", "source", "device_id"}.isdisjoint({*OF_MODELS, *OF_DEVICES})
