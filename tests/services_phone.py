"""A phone of shell scripts: `dumpsys`, `cmd` and `lshal` print the files of a folder, over a Link that is a subprocess.

What the services print is written here in the formats of AOSP and of makers; numbers are made up.
"""

import os
import selectors
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.services import Candidate, Offer
from edgewatt.collectors.transports.link import OUTPUT_LIMIT_B, Link, LinkLost, LinkTimeout, Sent, Stream
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

THERMAL = """\
IsStatusOverride: false
ThermalStatusListeners:
\tcallbacks: 2
\tkilled: false
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=37.0, mType=3, mName=skin, mStatus=0}
\tTemperature{mValue=99.0, mType=0, mName=old, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL AIDL 1  connected: yes
Current temperatures from HAL:
\tTemperature{mValue=66.5, mType=3, mName=skin, mStatus=2}
\tTemperature{mValue=51.25, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=-99.9, mType=5, mName=pa, mStatus=0}
\tTemperature{mValue=4.2, mType=6, mName=vbat, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=cpu}
"""
BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: false
  Wireless powered: false
  Max charging current: 0
  Charge counter: 3201000
  status: 3
  health: 2
  present: true
  level: 84
  scale: 100
  voltage: 4063
  temperature: 326
  technology: Li-ion
  current now: -321
"""
GPU = """\
Memory snapshot for GPU 0:
Global total: 1048576
Proc 77 total: 4096

GPU work information.
gpu_id uid total_active_duration_ns total_inactive_duration_ns
0 1000 5000000000 100000
[errors:3]0 10123 2000000000 900000
"""
RAILS = """\
============= PowerStats HAL 2.0 energy consumers ==============
CPU          :      999999.00 mWs
  10123 -           1.00 mWs
========== End of PowerStats HAL 2.0 energy consumers ==========

============= PowerStats HAL 2.0 energy meter ==============
                           Channel    Cumulative Energy
          [S4M_VDD_CPUCL0]:CPU(L)        1234567.89 mWs
              [S2S_VDD_G3D]:GPU           400000.25 mWs
             [VSYS_PWR_DEAD]:None              0.00 mWs
========== End of PowerStats HAL 2.0 energy meter ==========
"""
RAILS_1 = """\
============= PowerStats HAL 1.0 rail energy data ==============
          Subsys                 Rail    Cumulative Energy
             CPU         C1_VDD_APC0        1234.56 mWs
           Modem    VSYS PWR MODEM         77.00 mWs
========== End of PowerStats HAL 1.0 rail energy data ==========
"""
WIFI = """\
Wifi is enabled
Wifi scanning is only available when wifi is enabled
==== Primary ClientModeManager instance ====
Wifi is connected to "Nest of Otters"
WifiInfo: SSID: "Nest of Otters", BSSID: 02:11:22:33:44:55, MAC: 02:66:77:88:99:aa, IP: /192.0.2.17, \
Security type: 2, Supplicant state: COMPLETED, Wi-Fi standard: 6, RSSI: -47, Link speed: 516Mbps, \
Tx Link speed: 516Mbps, Max Supported Tx Link speed: 1201Mbps, Rx Link speed: 480Mbps, \
Max Supported Rx Link speed: 1201Mbps, Frequency: 5180MHz, Net ID: 3, Metered hint: false, score: 60
successfulTxPackets: 1234
"""

_DUMPSYS = """\
#!/bin/sh
f="$SAID/$(echo "$*" | tr '/ ' '__')"
[ -e "$f" ] || { echo "Can't find service: $1" >&2; exit 20; }
cat "$f"
"""


@dataclass
class Plug:
    """The cable of one phone: while it is out there is no connection, and the old ones are lost."""

    out: bool = False
    links: list["ShellLink"] = field(default_factory=list)

    def pull(self) -> None:
        self.out = True
        self.cut()

    def cut(self) -> None:
        for link in self.links:
            link.close()


class ShellStream(Stream):
    """A command of this machine's shell, in a session of its own."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._cut = False

    def output(self) -> BinaryIO:
        """Another end of its output, which ends when everything is gone that could write to it."""
        assert self._process.stdout is not None
        return os.fdopen(os.dup(self._process.stdout.fileno()), "rb")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    @property
    def stderr(self) -> bytes:
        return b""

    def read(self, timeout_s: float) -> bytes | None:
        if self._cut:
            raise LinkLost("the cable was pulled")
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                return b""
        return os.read(self._process.stdout.fileno(), 1 << 16) or None

    def close(self) -> None:
        """What adbd does: the end of its input, and a hang-up of the shell that it started."""
        self._cut = True
        if self._process.poll() is None and self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            os.kill(self._process.pid, signal.SIGHUP)
            self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass
class ShellLink(Link):
    """The machine itself, with a PATH that begins in `folder`."""

    folder: Path
    plug: Plug
    shell: str = "sh"
    streams: list[ShellStream] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "adb:shell"

    @property
    def features(self) -> frozenset[str]:
        return frozenset({"shell_v2"})

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "SAID": str(self.folder / "said"), "LC_ALL": "C"}

    def run(self, command: str, *, timeout_s: float, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        if self.plug.out:
            raise LinkLost("the cable was pulled")
        argv = [self.shell, "-c", command]
        try:
            done = subprocess.run(argv, env=self.environment, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            raise LinkTimeout(f"no answer within {timeout_s:g} s") from None
        if len(done.stdout) > limit_b:
            raise DeviceError(f"it printed more than {limit_b} bytes")
        return Completed(done.returncode, done.stdout, done.stderr)

    def stream(self, command: str) -> Stream:
        if self.plug.out:
            raise LinkLost("the cable was pulled")
        self.streams.append(ShellStream([self.shell, "-c", command], self.environment))
        return self.streams[-1]

    def push(self, content: Path | bytes, remote: str, *, mode: int = 0o644, sent: Sent | None = None) -> None:
        raise NotImplementedError

    def pull(self, remote: str, local: Path, *, limit_b: int | None = None) -> None:
        raise NotImplementedError

    def close(self) -> None:
        for stream in self.streams:
            stream.close()


@dataclass
class ShellPhone:
    """`say` sets what `dumpsys NAME` prints; `shell` executes what is sent from the next connection on."""

    folder: Path
    shell: str = "sh"
    plug: Plug = field(default_factory=Plug)

    def say(self, name: str, text: str | bytes) -> None:
        whole = text if isinstance(text, bytes) else text.encode()
        file = self.folder / "said" / name.replace("/", "_").replace(" ", "_")
        new = file.with_name(f"{file.name}.new")
        new.write_bytes(whole)
        new.replace(file)

    @property
    def phone(self) -> Phone:
        return Phone("adb:shell", self.connect)

    def connect(self) -> Link:
        if self.plug.out:
            raise LinkLost("no device")
        link = ShellLink(self.folder, self.plug, self.shell)
        self.plug.links.append(link)
        return link


@contextmanager
def shell_phone(folder: Path) -> Iterator[ShellPhone]:
    """A phone with the six services above; all that it started is gone in the end."""
    (folder / "bin").mkdir()
    (folder / "said").mkdir()
    for tool in ("dumpsys", "cmd", "lshal"):
        file = folder / "bin" / tool
        file.write_text(_DUMPSYS)
        file.chmod(0o755)
    made = ShellPhone(folder)
    said = {
        "thermalservice": THERMAL,
        "battery": BATTERY,
        "gpu": GPU,
        "android.hardware.power.stats.IPowerStats/default": RAILS,
        "wifi status": WIFI,
    }
    for name, text in said.items():
        made.say(name, text)
    try:
        yield made
    finally:
        made.plug.pull()


def quick(candidate: Candidate, period_s: float = 0.1) -> Candidate:
    """The candidate, asked more often than anybody should ask a phone."""

    def offer(command: str, text: str) -> Offer | str:
        found = candidate.offer(command, text)
        return found if isinstance(found, str) else replace(found, service=replace(found.service, period_s=period_s))

    return replace(candidate, offer=offer)
