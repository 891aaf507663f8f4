"""SCPI over PyVISA: instruments of pyvisa-sim, and a socket through pyvisa-py, in an environment of their own."""

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.generic.scpi import FAMILY
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import UsageError
from tests.adbd.packages import CACHE, once
from tests.meter_wires import TcpEnd

ROOT = Path(__file__).parents[1]
NEEDS = ("pyvisa==1.16.2", "pyvisa-py==0.8.1", "pyvisa-sim==0.7.1", "numpy")
# Enough of a WT310E and of a bench supply; what they answer is written down by hand, as the manuals have it.
INSTRUMENTS = r"""
spec: "1.1"
devices:
  analyzer:
    eom: {TCPIP INSTR: {q: "\n", r: "\n"}}
    error: ERROR
    dialogues:
      - {q: "*IDN?", r: "YOKOGAWA,WT310E,C3UD12345E,F1.03"}
      - {q: ":NUMERIC:FORMAT ASCII"}
      - {q: ":RATE 100MS"}
      - {q: ":NUMERIC:NORMAL:VALUE?", r: "230.10E+00,87.00E-03,10.50E+00,NAN"}
  supply:
    eom: {USB INSTR: {q: "\n", r: "\n"}}
    error: ERROR
    dialogues:
      - {q: "*IDN?", r: "Siglent,SPD3303X,SPD123,1.0"}
      - {q: "MEAS:VOLT?", r: "4.012"}
      - {q: "MEAS:CURR?", r: "9.91E37"}
  silent:
    eom: {TCPIP INSTR: {q: "\n", r: "\n"}}
    error: ERROR
    dialogues:
      - {q: "*IDN?", r: "ACME,Toaster,1,1"}
resources:
  TCPIP::10.0.0.7::INSTR: {device: analyzer}
  USB0::0x1111::0x2222::SPD123::INSTR: {device: supply}
  TCPIP::10.0.0.9::INSTR: {device: silent}
"""
SCRIPT = """
import json, sys
from edgewatt.collectors.generic.scpi import FAMILY
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import EdgewattError

def item(found):
    if isinstance(found, Batch):
        return {"t_ns": found.t_ns.tolist(), **{k: v.tolist() for k, v in found.columns.items()}}
    return {"gap": found.cause, "lost": found.samples_lost}

try:
    clock = ManualClock()
    device = FAMILY.open(parse_uri(sys.argv[1]))
    (collector,) = device.collectors
    opened = collector.open(clock)
    told = {"name": device.name, "facts": dict(device.facts), "sources": [s.to_json() for s in opened.sources]}
    told["items"] = [item(collector.read(2.0)) for _ in range(int(sys.argv[2]))]
    device.close()
    print(json.dumps({**told, "remarks": device.remarks()}))
except EdgewattError as error:
    print(json.dumps({"error": type(error).__name__, "line": str(error)}))
"""

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def environment() -> Path:
    """The Python of an environment with PyVISA and its simulator, made once and kept between runs."""

    def make(half: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", half], check=True)
        pip = (half / "bin" / "python", "-m", "pip")
        subprocess.run([*pip, "install", "--quiet", "--disable-pip-version-check", *NEEDS], check=True)

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return once(CACHE / f"pyvisa-sim-0.7.1-{python}", make) / "bin" / "python"


@pytest.fixture
def ask(environment: Path, tmp_path: Path) -> Ask:
    """Open an instrument there and read it so many times; what was told."""
    simulated = tmp_path / "instruments.yaml"
    simulated.write_text(INSTRUMENTS)

    def there(uri: str, reads: int = 2, library: str = f"{simulated}@sim") -> dict[str, Any]:
        done = subprocess.run(
            [environment, "-W", "error", "-c", SCRIPT, f"{uri}&library={library}", str(reads)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return there


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_an_analyzer_gives_volts_amperes_and_watts_of_one_update(ask: Ask) -> None:
    told = ask("scpi:TCPIP::10.0.0.7::INSTR?as=yokogawa_wt300&boundary=wall")
    assert told["name"] == "YOKOGAWA,WT310E,C3UD12345E,F1.03"
    assert told["facts"]["boundary"] == "wall"
    (source,) = told["sources"]
    assert source["terms"] == [["yokogawa_wt300_main.power_w"]]
    assert told["items"][0] == {
        "t_ns": [100_000_000],
        "yokogawa_wt300_main.voltage_v": [230.1],
        "yokogawa_wt300_main.current_a": [0.087],
        "yokogawa_wt300_main.power_w": [10.5],
    }
    assert told["items"][1]["t_ns"] == [200_000_000]
    assert told["remarks"] == []


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_a_supply_is_asked_for_each_and_its_not_a_number_is_null(ask: Ask) -> None:
    told = ask("scpi:USB0::0x1111::0x2222::SPD123::INSTR?as=scpi_supply&boundary=battery_bypass&name=psu&period=0.5")
    row = told["items"][0]
    assert row["t_ns"] == [500_000_000]
    assert row["psu_main.voltage_v"] == [4.012]
    assert math.isnan(row["psu_main.current_a"][0])
    assert told["sources"][0]["terms"] == [["psu_main.voltage_v", "psu_main.current_a"]]


REFUSED = {
    "TCPIP::10.0.0.9::INSTR?as=yokogawa_wt300": "says that it is 'ACME,Toaster,1,1', expected YOKOGAWA,WT3*",
    "TCPIP::10.0.0.9::INSTR?as=scpi_supply": "scpi_supply does not describe this instrument: MEAS:VOLT? is answered",
    "TCPIP::10.0.0.8::INSTR?as=scpi_supply": "instrument TCPIP::10.0.0.8::INSTR: no answer to *IDN?",
    "nonsense?as=scpi_supply": "instrument nonsense: ",
}


@pytest.mark.peer
@pytest.mark.timeout(300)
@pytest.mark.parametrize("resource", REFUSED)
def test_what_is_no_such_instrument_is_one_line(ask: Ask, resource: str) -> None:
    told = ask(f"scpi:{resource}&boundary=wall")
    assert told["error"] == "DeviceError"
    assert REFUSED[resource] in told["line"]
    assert "\n" not in told["line"]


@pytest.fixture
def instrument() -> Iterator[TcpEnd]:
    """A SCPI instrument on a socket that hangs up after the fourth question, and is there again for the next client."""
    end = TcpEnd()

    def serve() -> None:
        for limit in (4, 100):
            end.accept()
            for asked in range(limit):
                question = b""
                while not question.endswith(b"\n"):
                    piece = end.client.recv(100) if end.client else b""
                    if not piece:
                        break
                    question += piece
                if not question:
                    break
                end.send(b"ACME,PSU,7,1\n" if question == b"*IDN?\n" else b"%d.5\n" % asked)

    server = threading.Thread(target=serve)
    server.start()
    yield end
    server.join(20)
    end.unplug()


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_a_socket_that_hangs_up_is_a_gap_and_comes_back(ask: Ask, instrument: TcpEnd) -> None:
    uri = f"scpi:TCPIP::127.0.0.1::{instrument.port}::SOCKET?as=scpi_supply&boundary=wall&period=1"
    told = ask(uri, reads=4, library="@py")
    assert told["name"] == "ACME,PSU,7,1"
    items = told["items"]
    assert items[0]["scpi_supply_main.voltage_v"] == [3.5], "the fourth: identity, and a first look at both"
    assert any("gap" in item for item in items)
    assert "meter_reconnected:scpi_supply:1" in told["remarks"]


def test_without_pyvisa_it_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvisa", None)
    with pytest.raises(UsageError, match=r"pip install 'edgewatt\[scpi\]'"):
        FAMILY.open(parse_uri("scpi:TCPIP::10.0.0.7::INSTR?as=scpi_supply&boundary=wall"))


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("scpi:?as=scpi_supply&boundary=wall", "expected a VISA resource"),
        ("scpi:X", "as= is missing, expected a .toml file or one of scpi_supply, yokogawa_wt300"),
        ("scpi:X?as=scpi_supply", "boundary is missing"),
        ("scpi:X?as=watts_up_pro", "watts_up_pro is read as line:..., not as scpi:..."),
    ],
)
def test_a_wrong_uri_is_refused_before_anything_is_imported(uri: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        FAMILY.open(parse_uri(uri))
    assert message in str(caught.value)
