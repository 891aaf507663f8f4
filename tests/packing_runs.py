"""A run that gives everything away, in every place that a run has; and what must not be in any byte of it, packed."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.identity import config_id, sha256_of_file
from edgewatt.profiler.storage.manifest import read_manifest, write_manifest
from edgewatt.profiler.storage.packing.packing import TOP
from tests.measured_runs import FACTS, Instrument, Plan, rail, written

SERIAL, METER_SERIAL, BOOT = "R58M12ABCDE", "LVPM36107X", "60ebb867-9db4-4939-824a-fea9efe07364"
USER, HOST, SSID = "amelie", "krupnik-laptop", "Villa Kunterbunt"
MAC, BSSID, IPV4, IPV6 = "a4:5e:60:c1:22:9f", "f4:92:bf:0a:11:7c", "192.168.178.43", "2001:db8:85a3::8a2e:370:7334"
IMEI, KEY, TOKEN, MAIL = (
    "352099001761481",
    "hunter2-swordfish",
    "ghp_0123456789abcdefABCDEF0123456789abcd",
    "amelie@kunterbunt.example",
)
SESSION = "kitchen-2026-11-26"
GPU = "GPU-8f2b1c34-5d6e-4f70-8a91-b2c3d4e5f607"
SECRETS = (SERIAL, METER_SERIAL, BOOT, USER, HOST, SSID, MAC, BSSID, IPV4, IPV6, IMEI, KEY, TOKEN, MAIL, SESSION, GPU)
PEM_LINES = ("MIIEpAIBAAKCAQEAvillakunterbunt", "Q29uZ3JhdHVsYXRpb25z")
PEM = "\n".join(("-----BEGIN RSA PRIVATE KEY-----", *PEM_LINES, "-----END RSA PRIVATE KEY-----"))

# What tools print; broken in the middle of a word as a narrow terminal does.
DUMPS = f"""\
[ro.serialno]: [{SERIAL}]
[ro.boot.serialno]: [{SERIAL[:4]}
{SERIAL[4:]}]
[net.hostname]: [{HOST}]
[ro.ril.imei]: [{IMEI}]
mWifiInfo SSID: "{SSID}", BSSID: {BSSID}, MAC: {MAC.upper()}, RSSI: -52
wlan0 inet {IPV4}/24 inet6 {IPV6}/64
cut: {MAC[:7]}
  {MAC[7:]} and {IPV4[:12]}
{IPV4[12:]}
Linux {HOST} 6.1.0-13-amd64 #1 SMP (root@builder-17)
loading /home/{USER}/secret-models/net.tflite
loading C:\\Users\\{USER}\\net.tflite
password={KEY} {TOKEN}
Authorization: Bearer {TOKEN}
{PEM}
{MAIL} frequency 1804800 temp 36107 i2c@c240000 std::vector 10:20:30
"""
UNDO = json.dumps({"device_id": SERIAL, "uri": f"adb:{SERIAL}", "original": f"svc wifi enable {SSID}"})


def telling_run(path: Path) -> Path:
    """A processed run that gives away SECRETS in its manifest, tables, columns' metadata and raw files."""
    facts = {**FACTS, "device_id": SERIAL, "model": f"/home/{USER}/secret-models/net.tflite"}
    config = config_id(facts)
    source = f"/sys/bus/usb/devices/{METER_SERIAL}/power of {HOST}"
    device = {
        "name": f"Galaxy {SERIAL}",
        "device_id": SERIAL,
        "soc": "chip",
        "idle_state": "awake",
        "session": SESSION,
        "uri": f"adb:{SERIAL}",
        "instruments": {"rapl": {"serial": 36107001, "gpu": GPU, "link": f"adb+tcp://{IPV4}:5555"}},
    }
    meter = {f"monsoon:{METER_SERIAL}?boundary=battery_bypass": {"serial": METER_SERIAL, "device_id": METER_SERIAL}}
    said = {
        "command": [
            "edgewatt",
            "profile",
            f"/home/{USER}/net.tflite",
            "-d",
            f"adb:{SERIAL}",
            "--session",
            SESSION,
            "--env",
            f"API_KEY={KEY}",
        ],
        "device": device,
        "meter": meter,
        "conditions": {
            "governor": "performance",
            "ssid": SSID,
            "bssid": BSSID,
            "boot_id": BOOT,
            "via": f"ssh://{USER}@{HOST}",
        },
        "versions": {"edgewatt": "0.1.0", "numpy": "2.4.6.1"},
    }
    told = {k: {"reasons": [f"delegate of {SERIAL} fell back"], "printed": f"saw {MAC}"} for k in range(3)}
    plan = Plan(
        order=(config,) * 3,
        configs={config: facts},
        told=told,
        manifest=said,
        unavailable=(Unavailable("x.power_w", f"/home/{USER}/.android/adbkey: denied", f"ssh {USER}@{HOST} chmod"),),
    )
    run = written(path, [Instrument(rail(source=source), name="rapl", boundary="board")], plan)
    raw = run / "raw"
    raw.mkdir(exist_ok=True)
    (raw / "dumpsys.txt").write_text(DUMPS)
    (raw / "undo.json").write_text(UNDO)
    (raw / f"{SERIAL}.txt").write_bytes(f"\xff\xfe{SERIAL}".encode("latin-1") + SERIAL.encode("utf-16-le"))
    (raw / "result.pb").write_bytes(bytes(range(32)) * 8 + SERIAL.encode() + bytes(32))
    (raw / "plain.pb").write_bytes(bytes(range(32)) * 8)
    (raw / "log.gz").write_bytes(b"\x1f\x8b" + DUMPS.encode())
    (run / "raw" / "link").symlink_to("/etc/passwd")
    _say_in_metadata(run / "streams" / "rapl.parquet")
    _sign(run)
    process(run)
    return run


def _say_in_metadata(path: Path) -> None:
    table = pq.read_table(path)
    schema = table.schema.with_metadata({b"made_by": f"{USER} on {HOST}".encode()})
    field = schema.field("t_ns")
    metadata = {**(field.metadata or {}), b"note": f"{SSID[:6]}\n{SSID[6:]} {KEY}".encode()}
    pq.write_table(table.cast(schema.set(0, field.with_metadata(metadata))), path)


def _sign(run: Path) -> None:
    """As if all of it had been recorded so."""
    manifest = read_manifest(run)
    files = [*manifest.files, *(f"raw/{f.name}" for f in (run / "raw").iterdir() if not f.is_symlink())]
    signed = {name: {"sha256": sha256_of_file(run / name), "size": (run / name).stat().st_size} for name in files}
    write_manifest(run, replace(manifest, files=signed))


def unzipped(path: Path, folder: Path) -> Path:
    """The packed run, unzipped by Python's own."""
    with zipfile.ZipFile(path) as packed:
        packed.extractall(folder)
    return folder / TOP


def bytes_of(run: Path) -> dict[str, bytes]:
    """What is in every file, its name included; of Parquet what is in it uncompressed, too."""
    found = {}
    for file in sorted(run.rglob("*")):
        if file.is_file():
            content = file.name.encode() + b"\n" + file.read_bytes()
            if file.suffix == ".parquet":
                content += _uncompressed(file)
            found[file.relative_to(run).as_posix()] = content
    return found


def _uncompressed(file: Path) -> bytes:
    table = pq.read_table(file)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="none", use_dictionary=False)
    return buffer.getvalue() + repr(pa.Table.to_pylist(table.slice(0, 50))).encode()
