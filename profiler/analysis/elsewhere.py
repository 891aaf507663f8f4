"""What the hash of a run's conditions becomes once the run is packed: its meters go by other names there."""

from collections.abc import Mapping
from dataclasses import replace

from edgewatt.profiler.analysis.process import analyse
from edgewatt.profiler.analysis.results import repeat_rows, result_rows
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace

_HASH = "conditions_sha256"


def conditions_there(trace: Trace, manifest: Manifest) -> Mapping[str, str]:
    """By each hash of conditions in the tables of a run, the one that analysing it with `manifest` gives.

    Empty for a run that cannot be analysed: then nobody makes its tables again.
    """
    try:
        here = analyse(trace)
    except UsageError:
        return {}
    there = replace(here, manifest=replace(here.manifest, meter=manifest.meter, conditions=manifest.conditions))
    before, after = ((*result_rows(one), *repeat_rows(one)) for one in (here, there))
    return {old[_HASH]: new[_HASH] for old, new in zip(before, after, strict=True) if old[_HASH] != new[_HASH]}
