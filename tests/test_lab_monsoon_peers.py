"""Stock clients on the virtual meters: that they agree shows that the lab speaks the protocol."""

import subprocess
from pathlib import Path

import pytest

from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty, usb_on_socket
from tests.monsoon_peers.environments import MOBLY, PYMONSOON, ROOT, ask, python_with

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]  # the first time, pip downloads

SAMPLES = 10_000


@pytest.fixture(scope="session")
def mobly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(MOBLY, tmp_path_factory)


# Once each is enough for every landing.
LONG = pytest.mark.long


@pytest.fixture(scope="session")
def pymonsoon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(PYMONSOON, tmp_path_factory)


@pytest.mark.parametrize("main_a", [pytest.param(0.02, marks=LONG), 0.75, pytest.param(2.5, marks=LONG)])
def test_mobly_measures_what_is_drawn(mobly: Path, main_a: float) -> None:
    with lvpm_on_pty(Constant(main_a), seed=3, exact=True) as lab:
        found, complaints = ask(mobly, "with_mobly.py", lab.path, "4.2", "1", str(SAMPLES))
        assert found["main_a"] == pytest.approx(main_a, rel=1e-3)
        assert found["samples"] >= SAMPLES
        assert "lost packet" not in complaints
        before, after = found["before"], found["after"]
        assert before["serialNumber"] == lab.meter.about["serial"]
        assert (before["firmwareVersion"], before["protocolVersion"], before["sampleRate"]) == (20, 16, 5)
        assert before["outputVoltageSetting"] == pytest.approx(4.0)
        assert before["usbPassthroughMode"] == 2
        assert before["powerUpCurrentLimit"] == before["runTimeCurrentLimit"] == 8.0
        assert 0.0495 <= before["mainFineResistor"] <= 0.0505
        assert 0.0995 <= before["auxFineResistor"] <= 0.1005
        assert (before["eventCode"], before["status"], before["hardwareRevision"]) == (0, 0, 3)
        assert after["outputVoltageSetting"] == found["voltage_v"] == pytest.approx(4.2)
        assert after["voltage1"] == pytest.approx(4.2, abs=2e-3)
        assert after["usbPassthroughMode"] == found["passthrough"] == 1
        assert after["runTimeCurrentLimit"] == pytest.approx(5, abs=0.01)
        assert after["powerUpCurrentLimit"] == pytest.approx(6, abs=0.01)
        assert (lab.meter.voltage_v, lab.meter.passthrough, lab.meter.sampling) == (4.2, 1, False)


def test_mobly_sees_the_gain_that_was_drawn(mobly: Path) -> None:
    with lvpm_on_pty(Constant(0.75), seed=12) as lab:
        found, _ = ask(mobly, "with_mobly.py", lab.path, "4.2", "0", "5000")
        drawn = lab.meter.about["drawn"]
        assert abs(drawn["gain_main"] - 1) > 1e-3
        expected_a = 0.75 * drawn["gain_main"] + drawn["offset_coarse_a"]
        assert found["main_a"] == pytest.approx(expected_a, rel=1e-3)


def test_mobly_notices_a_lost_packet(mobly: Path) -> None:
    with lvpm_on_pty(Constant(0.75), exact=True, faults=["lost=0.5:0.0014"]) as lab:
        found, complaints = ask(mobly, "with_mobly.py", lab.path, "4.2", "0", "5000")
        assert found["samples"] >= 5000
        assert "lost packet" in complaints


@pytest.mark.parametrize(("model", "volts"), [("hvpm", 8.5), ("lvpm", 4.2)])
@pytest.mark.parametrize("main_a", [pytest.param(0.01, marks=LONG), 0.75])
def test_pymonsoon_measures_what_is_drawn(pymonsoon: Path, model: str, volts: float, main_a: float) -> None:
    with usb_on_socket(Constant(main_a, usb_a=0.012), model=model, seed=3, exact=True, passthrough=0) as lab:
        found, _ = ask(
            pymonsoon, "with_pymonsoon.py", lab.path, model, str(volts), str(SAMPLES), PYTHONPATH=str(ROOT / "src")
        )
        assert found["samples"] == SAMPLES
        assert found["main_a"] == pytest.approx(main_a, rel=1e-3)
        assert found["usb_a"] == pytest.approx(0.012, rel=1e-3)
        assert found["main_v"] == pytest.approx(volts, rel=1e-3)
        assert found["usb_v"] == pytest.approx(5, rel=1e-3)
        status = found["status"]
        assert found["serial"] == str(status["serialNumber"]) == str(lab.meter.about["serial"])
        assert (status["firmwareVersion"], status["usbPassthroughMode"]) == (32, 1)
        assert status["hardwareModel"] == {"lvpm": 1, "hvpm": 2}[model]
        if model == "hvpm":
            assert (status["mainFineScale"], status["mainCoarseScale"]) == (36500, 6400)
            assert (status["usbFineScale"], status["usbCoarseScale"]) == (14000, 600)
            assert (status["mainFineZeroOffset"], status["auxFineScale"], status["auxCoarseScale"]) == (15, 3100, 250)
            assert status["runtimeCurrentLimit"] == pytest.approx(7, abs=1e-3)
            assert status["powerupCurrentLimit"] == pytest.approx(9, abs=1e-3)
        assert lab.meter.voltage_v == pytest.approx(volts, abs=1e-6)
        assert list(lab.meter.values("passthrough")) == [1, 0]
        assert not lab.meter.sampling


def test_pymonsoon_refuses_a_meter_with_a_wrong_dac(pymonsoon: Path) -> None:
    with usb_on_socket(Constant(0.1), faults=["dac=1.3"]) as lab:
        script = Path(__file__).parent / "monsoon_peers" / "with_pymonsoon.py"
        done = subprocess.run(
            [pymonsoon, script, lab.path, "hvpm", "4.2", "100"],
            env={"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "out of tolerance" in done.stderr
        assert list(lab.meter.values("voltage_v")) == []
