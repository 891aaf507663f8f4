"""`edgewatt lab nvml` as any client finds it: a line of JSON, a library, nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.nvidia.faults import with_faults
from edgewatt.virtual_lab.nvidia.gpu import gpu
from tests.shell import EDGEWATT, edgewatt

ASK = """
import pynvml as n
n.nvmlInit()
handles = [n.nvmlDeviceGetHandleByIndex(i) for i in range(n.nvmlDeviceGetCount())]
print(*(n.nvmlDeviceGetUUID(h) for h in handles), n.nvmlDeviceGetPowerUsage(handles[0]))
try:
    n.nvmlDeviceGetTotalEnergyConsumption(handles[0])
except n.NVMLError_GpuIsLost:
    print("lost")
except n.NVMLError_NotSupported:
    print("none")
"""


@contextmanager
def lab(*words: str, end: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler")
    asking = [EDGEWATT, "lab", "nvml", *words]
    with subprocess.Popen(asking, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            yield said
        finally:
            process.send_signal(end)
            _, err = process.communicate(timeout=30)
    assert process.returncode == (130 if end is signal.SIGINT else 0), err
    assert not Path(said["nvml"]).exists()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_goes_without_a_trace(end: signal.Signals) -> None:
    with lab("--gpu", "v100", "--gpu", "h100", "--seed", "4", "--fault", "counter=none", end=end) as said:
        asking = [*said["load"], "--gpu", "0", "--watts", "100", "--", sys.executable, "-c", ASK]
        done = subprocess.run(asking, env={**os.environ, **said["env"]}, capture_output=True, text=True, check=True)
        *uuids, power_mw, none = done.stdout.split()
    assert uuids == [one["drawn"]["uuid"] for one in said["gpus"]]
    assert none == "none"
    # It was busy for as long as the command ran, after some time to begin.
    assert 100_000 < int(power_mw) < 160_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gpu", "voodoo2"), "no virtual GPU 'voodoo2'"),
        (("--fault", "colour=red"), "GPUs have no fault"),
        (("--fault", "lost=3,1"), "expected lost=GPU,FROM_S"),
        (("--fault", "error=nvmlDeviceGetPowerUsage"), "expected error=SYMBOL,CODE"),
        (("--fault", "latency=*,nan"), "expected latency=SYMBOL,SECONDS"),
        (("--fault", "mig=0,9"), "expected mig=GPU,INSTANCES"),
        (("--fault", "missing=a b"), "expected missing=SYMBOL"),
        (("--fault", "missing=printf"), "no symbol of NVML"),
    ],
)
def test_a_wrong_word_is_a_line_and_code_2(words: tuple[str, ...], said: str) -> None:
    done = edgewatt("lab", "nvml", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_faults_are_of_the_gpus_that_they_name() -> None:
    words = ["lost=1,2.5", "error=field:186,3", "error=nvmlDeviceGetName,999,1,0.5", "init=18", "latency=*,0.01"]
    (first, second), driver = with_faults([gpu("a100"), gpu("a100")], [*words, "missing=nvmlDeviceGetSamples"], 7)
    assert (first.lost_ns, second.lost_ns) == (None, 2_500_000_007)
    assert first.errors == {"field:186": (3, 7, 1.0), "nvmlDeviceGetName": (999, 1_000_000_007, 0.5)}
    assert driver.errors == {"nvmlInitWithFlags": 18}
    assert driver.latency_s == {"*": 0.01}
    assert driver.missing == ("nvmlDeviceGetSamples",)
    with pytest.raises(UsageError):
        with_faults([gpu("a100")], ["counter=sometimes"], 0)
