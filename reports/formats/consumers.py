"""The formats that other programs load: one line each, and how its object becomes bytes."""

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.quality.reason import VOID
from edgewatt.profiler.storage.manifest import plain
from edgewatt.reports.formats import deepen, fedscale, hw_nas_bench, latbench, nn_meter, once_for_all, oort
from edgewatt.reports.formats.kernels import kernels_in
from edgewatt.reports.formats.made import Given, Make
from edgewatt.reports.formats.measured import chosen_of, of_calibration, of_results
from edgewatt.reports.source import Source
from edgewatt.reports.wording import runs_on

# The newest that every Python 3 which these programs name can read.
_PICKLE_PROTOCOL: Final = 4


def as_json(content: Any) -> bytes:
    """JSON for any reader."""
    return (json.dumps(plain(content, "export"), indent=1, allow_nan=False) + "\n").encode()


def as_yaml(content: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Two levels of YAML 1.1, in which a number needs a point; keys are ASCII."""
    lines = [
        f"{json.dumps(key)}:\n" + "".join(f"  {k}: {_yaml(v)}\n" for k, v in of.items()) for key, of in content.items()
    ]
    return "".join(lines).encode()


def _yaml(value: Any) -> str:
    text = json.dumps(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


@dataclass(frozen=True, slots=True)
class Consumer:
    """What makes its object, how that is written, whether its own reader takes a pickle of it, and kernels."""

    make: Make
    encode: Callable[[Any], bytes] = as_json
    pickles: bool = True
    of_kernels: bool = False


CONSUMERS: Final[Mapping[str, Consumer]] = {
    "deepen": Consumer(deepen.three_levels, pickles=False, of_kernels=True),
    "fedscale": Consumer(fedscale.capacity),
    "fedscale-availability": Consumer(fedscale.availability),
    "hw-nas-bench": Consumer(hw_nas_bench.metrics_by_network),
    "latbench": Consumer(latbench.seconds_by_architecture),
    "nn-meter": Consumer(nn_meter.profiled_results, pickles=False, of_kernels=True),
    "ofa": Consumer(once_for_all.lookup_table, as_yaml, pickles=False),
    "oort": Consumer(oort.client_info),
    "oort-durations": Consumer(oort.durations),
}


def exporter_for(to: str) -> Callable[[Source, BinaryIO], None]:
    """The exporter of a format of CONSUMERS; what it leaves out it adds to the notices of its source."""

    def write(source: Source, file: BinaryIO) -> None:
        file.write(_bytes_of(to, source))

    return write


def _bytes_of(to: str, source: Source) -> bytes:
    consumer, pickled = CONSUMERS[to], source.chosen.pickled
    if source.table != "results":
        raise UsageError(f"--to {to} is made of results; leave --table away")
    if pickled and not consumer.pickles:
        raise UsageError(f"--pickle: who reads {to} takes no pickle; leave it away")
    results = source.rows().to_pylist() if source.runs else []
    void = [row for row in results if row["quality"] == VOID]
    source.notices.extend(f"{row['model']}, {runs_on(row)} is left out: every repeat is void" for row in void)
    rows = [
        *of_results(row for row in results if row not in void),
        *(row for one in source.calibrations for row in of_calibration(one)),
    ]
    kernels, left_out = kernels_in(source.runs, source.chosen) if consumer.of_kernels else ([], [])
    given = Given(chosen_of(rows, source.chosen), source.calibrations, source.chosen, kernels, left_out)
    made = consumer.make(given)
    source.notices.extend(made.left_out)
    if made.simulated:
        source.notices.append("SIMULATED: what was written is, in part or all, of simulated devices")
    if not pickled:
        return consumer.encode(made.content)
    return pickle.dumps(made.content if made.pickled is None else made.pickled, protocol=_PICKLE_PROTOCOL)
