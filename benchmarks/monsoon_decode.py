"""How fast a Monsoon's bytes become samples: ours, a bare numpy decode of the same bytes, and two programs of others.

The bytes are what the lab's meters send. Ours checks every checksum, sequence and count, follows the calibration and
bridges it, stamps every sample and gives batches as the run takes them. The bare decode knows where every entry lies
and applies one fixed calibration; both give time, all three currents, and the voltages. mobly's controller and
PyMonsoon run unmodified in environments of their own, on bytes in memory, in turns with ours; they give less (mobly the
main current, PyMonsoon that and the main voltage). Rates are samples per second of processor time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.adbd.packages import Unavailable
from tests.environments import environment
from tests.monsoon_peers.environments import MOBLY, PYMONSOON, python311

from edgewatt.collectors.monsoon.calibration import CHANNELS, Scales
from edgewatt.collectors.monsoon.decoding import Decoding
from edgewatt.collectors.monsoon.serial_samples import SerialSamples
from edgewatt.collectors.monsoon.usb_samples import HVPM, UsbSamples, packed
from edgewatt.profiler.batch import Batch
from edgewatt.virtual_lab.monsoon.prepared import lvpm_bytes, usb_packets

SLOT_NS = 200_000
# As much as a recording hands over after its reader stood still for a few seconds; fits a cache.
CHUNK_B = 1 << 18
FRAME_B, ENTRIES = 63, 7
HERE = Path(__file__).parent
PEERS = {"mobly": "mobly", "monsoon": "pymonsoon"}
# They take a second or two for so many.
PEER_SAMPLES = 60_000


def ours(decoding: Decoding, data: bytes) -> int:
    """The samples in all batches."""
    found = 0
    for at in range(0, len(data), CHUNK_B):
        for item in decoding.feed(0, data[at : at + CHUNK_B]):
            found += len(item) if isinstance(item, Batch) else 0
    return found


def ours_lvpm(data: bytes) -> int:
    """A serial LVPM."""
    return ours(Decoding(SerialSamples(CHANNELS), SLOT_NS), data)


def ours_hvpm(data: bytes) -> int:
    """An HVPM over USB."""
    return ours(Decoding(UsbSamples(HVPM, Scales.of(0.0365, 6.4), CHANNELS), SLOT_NS), data)


def bare_lvpm(data: bytes) -> int:
    """Rows of 63 bytes, currents by their bit 0."""
    rows = np.frombuffer(data, np.uint8, len(data) // FRAME_B * FRAME_B).reshape(-1, FRAME_B)
    entries = rows[:, 5:61].view(">u2").reshape(len(rows), ENTRIES, 4)
    columns = []
    for channel in range(len(CHANNELS)):
        raw = entries[:, :, channel].astype(np.uint16).view(np.int16)
        counts = (raw & ~np.int16(1)).astype(np.float64)
        columns.append(np.where(raw & 1, counts * 1e-4 - 6e-3, counts * 2e-6 - 2e-4))
    columns.append(entries[:, :, 3] * 125e-6)
    return np.arange(columns[0].size * SLOT_NS, step=SLOT_NS).size


def bare_hvpm(data: bytes) -> int:
    """Slots of 64 bytes of three entries each, currents by their fine threshold."""
    slots = np.frombuffer(data, np.uint8).reshape(-1, 64)
    entries = slots[:, 4:58].view(">u2").reshape(len(slots), 3, 9)
    columns = []
    for channel in range(len(CHANNELS)):
        coarse, fine = (entries[:, :, 2 * channel + at].astype(np.float64) for at in (0, 1))
        columns.append(np.where(fine < 64_000, (fine - 15) * 1e-6, (coarse - 15) * 2e-4))
    columns += [entries[:, :, 6] * 250e-6, entries[:, :, 7] * 125e-6]
    return np.arange(columns[0].size * SLOT_NS, step=SLOT_NS).size


def regular(data: bytes) -> bytes:
    """The frames of seven entries alone, for a decode that knows no others."""
    parts, at = [], 0
    while at < len(data):
        length = data[at] + 1
        if length == FRAME_B:
            parts.append(data[at : at + length])
        at += length
    return b"".join(parts)


def peer(package: str, script: str, file: Path) -> Callable[[], float]:
    """Samples per second of a program that we did not write, unmodified in an environment of its own."""
    python = environment(f"monsoon-{package.replace('==', '-')}", package, python=python311())

    def rate() -> float:
        done = subprocess.run([python, HERE / script, file, "1"], check=True, capture_output=True, text=True)
        said = json.loads(done.stdout)
        return float(said["samples"] / said["seconds"][0])

    return rate


def of_ours(decode: Callable[[bytes], int], data: bytes) -> Callable[[], float]:
    """Samples per second of processor time of a decoder in this process."""

    def rate() -> float:
        began_ns = time.process_time_ns()
        samples = decode(data)
        return samples / (time.process_time_ns() - began_ns) * 1e9

    return rate


def in_turns(decoders: Mapping[str, Callable[[], float]], turns: int) -> dict[str, list[float]]:
    """The figure of each decoder in each turn."""
    found: dict[str, list[float]] = {name: [] for name in decoders}
    for _ in range(turns):
        for name, rate in decoders.items():
            found[name].append(rate())
    return found


def row(figure: str, rates: Mapping[str, list[float]], over: str, under: str, limit: str) -> dict[str, object]:
    """The ratio of the best turns: whatever else runs on the machine only slows."""
    best = {name: max(rates[name]) / 1e6 for name in (over, under)}
    detail = "; ".join(f"{name}: {rate:.3g} M samples/s" for name, rate in best.items())
    return {"figure": figure, "ratio": best[over] / best[under], "limit": limit, "detail": detail}


def measure(samples: int, turns: int, folder: Path) -> list[dict[str, object]]:
    """One row per figure; a peer that cannot be had has none."""
    serial = lvpm_bytes(samples, seed=1)
    packets = usb_packets(samples, seed=1)
    lvpm = {"ours": of_ours(ours_lvpm, serial), "bare numpy": of_ours(bare_lvpm, regular(serial))}
    slots = b"".join(packed(one) for one in packets)
    hvpm = {"ours": of_ours(ours_hvpm, slots), "bare numpy": of_ours(bare_hvpm, slots)}
    (folder / "lvpm").write_bytes(lvpm_bytes(PEER_SAMPLES, seed=1))
    (folder / "hvpm").write_bytes(b"".join(bytes([len(one)]) + one for one in usb_packets(PEER_SAMPLES, seed=1)))
    for decoders, package, model in ((lvpm, MOBLY, "lvpm"), (hvpm, PYMONSOON, "hvpm")):
        name = package.partition("==")[0]
        try:
            decoders[package] = peer(package, f"monsoon_decode_{PEERS[name]}.py", folder / model)
        except Unavailable as error:
            print(f"not measured: {error}", file=sys.stderr)
    rows = []
    for decoders, package, model, limit in (
        (lvpm, MOBLY, "a serial LVPM's bytes", "at least 10"),
        (hvpm, PYMONSOON, "an HVPM's packets", "at least 100"),
    ):
        rates = in_turns(decoders, turns)
        if package in decoders:
            rows.append(row(f"decoding {model} / {package}", rates, "ours", package, limit))
        rows.append(row(f"bare numpy decode / decoding {model}", rates, "bare numpy", "ours", "at most 2"))
    return rows


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(args.samples, args.turns, Path(folder))
    if args.json:
        print(json.dumps(rows))
        return
    for one in rows:
        print(f"{one['figure']}: {one['ratio']:.3g} ({one['limit']}; {one['detail']})")


if __name__ == "__main__":
    main()
