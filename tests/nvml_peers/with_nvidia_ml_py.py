"""nvidia-ml-py as it finds the library itself: `with_nvidia_ml_py.py SECONDS [COMMAND...]` prints one JSON line."""

import json
import subprocess
import sys
import time

import pynvml

seconds, command = float(sys.argv[1]), sys.argv[2:]
pynvml.nvmlInit()
handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
process = subprocess.Popen(command) if command else None
begin_ns, begin_mj = time.monotonic_ns(), [pynvml.nvmlDeviceGetTotalEnergyConsumption(one) for one in handles]
time.sleep(seconds)
end_mj, end_ns = [pynvml.nvmlDeviceGetTotalEnergyConsumption(one) for one in handles], time.monotonic_ns()
if process:
    process.wait()
answer = {
    "driver": pynvml.nvmlSystemGetDriverVersion(),
    "names": [pynvml.nvmlDeviceGetName(one) for one in handles],
    "begin_ns": begin_ns,
    "end_ns": end_ns,
    "energy_j": [(end - begin) / 1e3 for begin, end in zip(begin_mj, end_mj, strict=True)],
}
pynvml.nvmlShutdown()
print(json.dumps(answer))
