"""The commands of the pages in docs/: which can be executed on any machine, with what, and why the others cannot."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.model_file import bundled_model
from tests.shell import QUICK, edgewatt
from tests.test_docs_commands import SYNOPSIS

# A device that is not here, by one that is software. A phone with a meter is a bench.
STAND_INS: Final = (
    (r"-d '?adb:(?:\?[^ ']*)?'? -m '?monsoon:[^ ]*'?", "-d virtual:bench"),
    (r"-d (?:adb:[^ ]*|\"adb:\?(?!profile)[^\"]*\"|adb\+tcp:[^ ]*)(?= |$)", "-d virtual:phone"),
    (r"--against \"?monsoon:[^ ]*\"?", "--against virtual:bench"),
    (r"--runner \S+", ""),
    (r"-d adb: virtual:phone", "-d virtual:phone"),
    (r"RUN\.\.\. ", "RUN A "),
)
# What no machine has by itself: a pattern, and why it is not executed; the first that matches counts.
NOT_HERE: Final = (
    (r"calibrate --collect", "takes hours; tests/test_collect*.py, in virtual time"),
    (r"-d (?:ssh:|jetson|nvml:)|-d replay:tegrastats", "a board or a GPU, or a log of one; tests of their collectors"),
    (r"-d (?:s10e|my-bench)\b|-m \"?(?:hwmon|line|import):|-d \"import:", "a bench or an instrument of the reader's"),
    (r"--listen|--serve", "an address of another machine"),
    (r"--profile framework-res|doctor --profile my|profile=my", "a file of the reader's phone"),
    (r"\bphotos\b", "photos of the reader's; tests/test_isp*.py"),
    (r"fleet\.zip|board\.zip|--merge|cal/\*|tab/\*|mine\.toml", "calibrations that take hours to collect"),
    (r"kernels|blocks|--graph|paper\.csv|hourly\.csv|em\.csv", "files of the reader's, or of other programs"),
    (r"infer\.py|trtexec|onnxruntime_perf_test", "programs of the reader's"),
    (r", \w+ or |FORMAT|KIND", "not a command but how one is made"),
    (r"simulate ", "minutes of computing; README's and the tutorial's, with few seeds, are executed"),
    (r"calibrate sensor", "minutes of a load; tests/test_gauge*.py, in virtual time"),
    (r"replay:runs/phone -m|shared/edgewatt-run|--charged|runs/ops --operator-energy|overhead", "minutes, or a file"),
)
# These go on until somebody interrupts them.
ENDLESS: Final = re.compile(r"edgewatt (?:lab|watch(?!.* --seconds))")
# Verbs that answer with their exit code; the others have to end with 0.
ANSWERS: Final[Mapping[str, frozenset[int]]] = {
    "check": frozenset({0, 1, 3, 4}),
    "compare": frozenset({0, 1, 3, 4}),
    "doctor": frozenset({0, 3, 5}),
}
HOST_RUNS: Final = ("runs/today", "runs/canary", "runs/new", "runs/both", "runs/night.2")
PHONE_RUNS: Final = ("runs/a", "runs/b", "runs/phone", "RUN", "A", "B")
PUBLISHED: Final = ("s10e.zip",)
MODELS: Final = ("model.tflite", "old.tflite", "mobilenet_v2_int8.tflite")
_PLAN: Final = 'models = ["model.tflite"]\nrepeats = 2\nseconds = 0.3\nidle = 0.5\nwarmup = 0.2\n'
WRITTEN: Final[Mapping[str, str]] = {"night.toml": _PLAN, "new.toml": _PLAN, "train.py": "sum(range(10**6))\n"}


def why_not(command: str) -> str:
    """Why a command is not executed; "" if it is."""
    stood_in = stand_in(command)
    if SYNOPSIS.search(stood_in):
        return "not a command but how one is made"
    return next((why for pattern, why in NOT_HERE if re.search(pattern, stood_in)), "")


def stand_in(command: str) -> str:
    """The command with devices that are software."""
    for pattern, put in STAND_INS:
        command = re.sub(pattern, put, command)
    return command


def furnished(folder: Path) -> Path:
    """A folder with what the pages take for granted: runs of this machine and of a virtual phone, a calibration."""
    phone = ("--repeats", "4", "--seconds", "2", "--idle", "1", "--warmup", "0.5")
    for name, device, words in (("host", "host", QUICK), ("phone", "virtual:phone", phone)):
        done = edgewatt("profile", "@tiny", "-d", device, "-o", name, *words, cwd=folder)
        assert done.returncode == 0, done.stderr
    made = folder / "made"
    for kind, names in (("host", HOST_RUNS), ("phone", PHONE_RUNS)):
        for name in names:
            shutil.copytree(folder / kind, made / name)
    for name in PUBLISHED:
        done = edgewatt("calibrate", "--published", "autoscale", "-o", name, cwd=made)
        assert done.returncode == 0, done.stderr
    for name in MODELS:
        shutil.copyfile(bundled_model(), made / name)
    for name, text in WRITTEN.items():
        (made / name).write_text(text)
    done = edgewatt("check", "runs/today", "--save", "baseline.toml", cwd=made)
    assert done.returncode == 0, done.stderr
    (made / "history").mkdir()
    return made
