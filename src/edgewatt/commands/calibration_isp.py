"""What `calibrate isp` found, in a calibration."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.head import CalibratedDevice
from edgewatt.profiler.calibration.refusing import refuse_impossible
from edgewatt.profiler.calibration.table_file import table_from
from edgewatt.profiler.errors import UsageError

SIZE_LIMIT_B: Final = 16 << 20


def read_isp(path: str | Path) -> tuple[pa.Table, list[str]]:
    """The .parquet that `calibrate isp` wrote, and what in it is unknown. Raises UsageError."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(SIZE_LIMIT_B + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); expected the .parquet of `calibrate isp`") from None
    if len(raw) > SIZE_LIMIT_B:
        raise UsageError(f"{path}: over {SIZE_LIMIT_B} bytes; expected the .parquet of `calibrate isp`")
    table, notices = table_from(raw, "isp", str(path))
    refuse_impossible(str(path), "isp", table)
    return table, notices


def with_isp(calibration: Calibration, isp: tuple[pa.Table, list[str]]) -> Calibration:
    """The calibration with these rows, their cameras among its devices."""
    table, notices = isp
    cameras = {
        str(row["device_id"]): CalibratedDevice(str(row["device"]), simulated=row["basis"] == "simulated")
        for row in table.to_pylist()
    }
    head = replace(calibration.head, devices={**cameras, **calibration.head.devices})
    rows = pa.concat_tables([calibration.table("isp"), table]).combine_chunks()
    tables = {**calibration.tables, "isp": rows}
    return replace(calibration, head=head, tables=tables, notices=(*calibration.notices, *notices))
