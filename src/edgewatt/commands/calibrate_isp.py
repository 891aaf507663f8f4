"""`calibrate isp`: white balance and gamma of each camera, from photographs of the same scenes."""

import argparse
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.calibration.tables import SCHEMA_VERSION
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.gauging.found import Found, Undecided
from edgewatt.profiler.isp.cells import CHANNELS
from edgewatt.profiler.isp.compared import NEUTRAL, Compared, against, against_patch, table_of
from edgewatt.profiler.isp.fit import Isp
from edgewatt.profiler.isp.folders import devices_in
from edgewatt.profiler.isp.neutral import Patch
from edgewatt.profiler.storage.durable import replace_file
from edgewatt.reports.escape import printable
from edgewatt.reports.export_csv import csv_of
from edgewatt.reports.text import text_table

EPILOG: Final = """\
examples:
  edgewatt calibrate isp photos/pixel5 photos/galaxys6 --reference pixel5 -o isp.parquet
  edgewatt calibrate isp photos --reference pixel5 -o isp.csv     photos/DEVICE/SCENE.jpg for many devices
  edgewatt calibrate isp photos --neutral 0.4,0.4,0.6,0.6 -o isp.json   no reference: a grey card in the middle

The same scene has the same name in the folder of every device. Photographs are taken from a tripod and framed alike:
they are compared place by place. At least 3 scenes; the more, the narrower the intervals. See docs/isp.md.
"""


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _json(table: pa.Table) -> bytes:
    return (json.dumps({"schema": SCHEMA_VERSION, "table": "isp", "rows": table.to_pylist()}) + "\n").encode()


FORMATS: Final[Mapping[str, Callable[[pa.Table], bytes]]] = {".parquet": _parquet, ".csv": csv_of, ".json": _json}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate isp`."""
    parser.add_argument(
        "folders", metavar="PHOTOS", nargs="+", help="a folder of one device's photographs, or of such folders"
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the table: .parquet, .csv or .json")
    against_what = parser.add_mutually_exclusive_group(required=True)
    against_what.add_argument("--reference", metavar="DEVICE", help="the folder's name of the device to compare with")
    against_what.add_argument(
        "--neutral",
        metavar="X0,Y0,X1,Y1",
        type=_patch,
        help="a grey patch at this place of every photograph, in fractions of width and height; gives no gamma",
    )
    parser.add_argument("--simulated", action="store_true", help="the photographs are generated; the table says so")


def run(args: argparse.Namespace) -> int:
    """Compare, write, and say what was found. Exit code 5 where nothing could be found of a device."""
    output = Path(args.output)
    as_bytes = FORMATS.get(output.suffix.lower())
    if as_bytes is None:
        raise UsageError(f"-o {printable(args.output)}: expected a name that ends in {', '.join(FORMATS)}")
    if not output.resolve().parent.is_dir():
        raise UsageError(f"-o {printable(args.output)}: its folder does not exist")
    devices = devices_in([Path(folder) for folder in args.folders])
    progress = ErrorStreamProgress()
    try:
        if args.neutral is None:
            compared = against(devices, args.reference, progress)
        else:
            compared = against_patch(devices, args.neutral, progress)
    finally:
        progress.done()
    table = table_of(compared, simulated=args.simulated)
    written = _written(output, as_bytes(table)) if table.num_rows else None
    if args.json:
        print(json.dumps(_answer(compared, written, simulated=args.simulated)))
    else:
        print("\n".join(_lines(compared, written, simulated=args.simulated)))
    return 0 if table.num_rows == len(compared) else NotMeasuredError.exit_code


def _patch(text: str) -> Patch:
    try:
        left, top, right, bottom = (float(word) for word in text.split(","))
    except ValueError:
        left = top = right = bottom = -1.0
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no rectangle; expected fractions of 0 to 1, as 0.4,0.4,0.6,0.6")
    return Patch(left, top, right, bottom)


def _written(output: Path, content: bytes) -> Path:
    try:
        replace_file(output.resolve(), content)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(f"{output}: cannot be written ({why})") from None
    return output


def _lines(compared: Sequence[Compared], written: Path | None, *, simulated: bool) -> list[str]:
    found = [(one, one.found) for one in compared if isinstance(one.found, Isp)]
    lines = []
    if found:
        header = ("device", "scenes", *(f"gain {channel}" for channel in CHANNELS), "gamma", "residual", "valid")
        rows = [_cells(one.device, isp) for one, isp in found]
        lines.append(f"{'SIMULATED ' if simulated else ''}relative to {printable(found[0][0].reference)}:")
        lines += text_table(header, rows, right=range(1, len(header))).split("\n")
    for one in compared:
        if isinstance(one.found, Undecided):
            lines.append(f"{printable(one.device)}: not found: {printable(one.found.reason)}")
        if one.alone:
            names = ", ".join(printable(scene, 40) for scene in one.alone[:5])
            more = f" and {len(one.alone) - 5} more" if len(one.alone) > 5 else ""
            lines.append(f"{printable(one.device)}: only one of the two has {names}{more}")
    lines.append("nothing was written" if written is None else f"written: {printable(str(written))}")
    return lines


def _cells(device: str, isp: Isp) -> list[str]:
    terms = [_interval(term) for term in (*isp.gains, isp.gamma)]
    return [device, str(isp.scenes), *terms, f"{100 * isp.residual:.1f} %", f"{isp.valid[0]:.2f}-{isp.valid[1]:.2f}"]


def _interval(found: Found | None) -> str:
    return "-" if found is None else f"{found.value:.4f} ({found.low:.4f}-{found.high:.4f})"


def _answer(compared: Sequence[Compared], written: Path | None, *, simulated: bool) -> dict[str, Any]:
    return {
        "written": None if written is None else str(written),
        "basis": "simulated" if simulated else "measured",
        "reference": compared[0].reference if compared else NEUTRAL,
        "devices": [
            {
                "device": one.device,
                "found": asdict(one.found) if isinstance(one.found, Isp) else None,
                "reason": one.found.reason if isinstance(one.found, Undecided) else None,
                "scenes_of_one_only": list(one.alone),
                "source": one.source,
            }
            for one in compared
        ],
    }
