"""A phone's root in a file system of its own: Android's folders, programs, /dev, /proc, and a generated /sys."""

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.adbd import namespace
from tests.adbd.packages import Unavailable, applets
from tests.adbd.personality import Denied, Failing, Hanging, Link, Node, Personality

STATE: Final = "/data/phone"  # what the scripts in system/ and the kernel tell each other
SCRIPTS: Final = Path(__file__).parent / "system"
DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
MACHINE: Final = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi")
FOLDERS: Final = {
    "system/bin": 0o755,
    "etc": 0o755,
    "data": 0o771,
    "data/local": 0o751,
    "data/local/tmp": 0o777,
    "data/phone": 0o777,
    "data/phone/dumpsys": 0o777,
    "data/phone/settings/system": 0o777,
    "data/phone/settings/secure": 0o777,
    "data/phone/settings/global": 0o777,
    "data/phone/wakelocks": 0o777,
    "dev/pts": 0o755,
    "proc": 0o555,
    "sys": 0o755,
    "usr": 0o755,
    ".kernel": 0,
}
LINKS: Final = {
    "bin": "system/bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "sdcard": "data/local/tmp",
    "dev/fd": "/proc/self/fd",
    "dev/ptmx": "pts/ptmx",
    "system/bin/sh": "/usr/bin/mksh",
}
ETC: Final = {
    "etc/passwd": f"root:x:0:0::/:/bin/sh\nshell:x:{namespace.SHELL}:{namespace.SHELL}::/:/bin/sh\n",
    "etc/group": f"root:x:0:\nshell:x:{namespace.SHELL}:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
}
DEFAULTS: Final = {
    "wakefulness": "Awake",
    "plugged": "0",
    "load": "0",
    "clock": "+0",
    "settings/global/airplane_mode_on": "0",
    "settings/global/airplane_mode_radios": "cell,bluetooth,wifi,nfc,wimax",
    "settings/global/bluetooth_on": "1",
    "settings/global/mobile_data": "1",
    "settings/global/nfc_on": "1",
    "settings/global/wifi_on": "1",
    "settings/global/stay_on_while_plugged_in": "0",
    "settings/system/screen_off_timeout": "30000",
    "settings/system/screen_brightness": "102",
    "settings/system/screen_brightness_mode": "1",
}


def build(personality: Personality, packages: Path, root: Path, *, tmp_size_b: int = 0, rooted: bool = False) -> Path:
    """Make the phone at `root`, an empty folder, in mounts that only this process's namespace has.

    With `tmp_size_b` /data/local/tmp holds so many bytes; nothing is denied when `rooted`. Raises Unavailable.
    """
    namespace.mount("phone", root, kind="tmpfs", data="mode=755")
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, mode in FOLDERS.items():
        (root / name).chmod(mode)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for name, text in ETC.items():
        (root / name).write_text(text)
    _programs(packages, root)
    _devices(root)
    if tmp_size_b:
        namespace.mount("tmp", root / "data/local/tmp", kind="tmpfs", data=f"mode=777,size={tmp_size_b}")
    replace(root, f"{STATE}/props", properties(personality))
    for service, text in personality.services.items():
        replace(root, dumpsys(service), text)
    _sys(personality, root, rooted=rooted)
    return root


def clean(root: Path, states: Mapping[str, str]) -> None:
    """Empty /data/local/tmp and put the states back: the usual ones, and these."""
    for left in (root / "data/local/tmp").iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink()
    state = root / STATE.lstrip("/")
    for old in (*state.glob("settings/*/*"), *state.glob("wakelocks/*"), *state.glob("[a-z]*")):
        if old.is_file() and old.name != "props":
            old.unlink()
    for name, text in (DEFAULTS | dict(states)).items():
        replace(root, f"{STATE}/{name}", text)


def repair(root: Path, personality: Personality, paths: Iterable[str], *, rooted: bool) -> None:
    """Make these files what they were, as far as they do not change by themselves."""
    services = {dumpsys(service): text for service, text in personality.services.items()}
    for path in paths:
        if not path.startswith(STATE) or path.startswith(f"{STATE}/dumpsys/"):
            (root / path.lstrip("/")).unlink(missing_ok=True)
        if path in services:
            replace(root, path, services[path])
        elif path in personality.nodes:
            place(root, path, personality.nodes[path], rooted=rooted)


def dumpsys(service: str) -> str:
    """Where the text of a service is kept."""
    return f"{STATE}/dumpsys/{service.replace('/', '@')}"


def properties(personality: Personality) -> str:
    """What `getprop` prints."""
    return "\n".join(f"[{name}]: [{value}]" for name, value in sorted(personality.properties.items()))


def replace(root: Path, path: str, text: str | None) -> None:
    """Change a file at once, or make it; None removes it. What has no newline at its end gets one."""
    target = root / path.lstrip("/")
    if text is None:
        target.unlink(missing_ok=True)
        return
    content = text if text.endswith("\n") or not text else f"{text}\n"
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = root / ".kernel" / f"{os.getpid()}"
    beside.write_bytes(content.encode(errors="surrogateescape"))
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.is_file() and not target.is_symlink() else None
    except OSError:
        mode = None
    if mode is None:
        mode = 0o666 if path.startswith("/data/") else 0o444
    beside.chmod(mode)
    try:
        beside.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(beside, target)


def place(root: Path, path: str, node: Node, *, rooted: bool) -> None:
    """Make one node of /sys; none is denied to a `rooted` phone."""
    if rooted and isinstance(node, Denied):
        node = node.text
    target = root / path.lstrip("/")
    if isinstance(node, str):
        replace(root, path, node)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    match node:
        case Denied(text):
            replace(root, path, text)
            target.chmod(0)
        case Failing():
            target.symlink_to("/proc/self/mem")  # opens, and EIO at address 0
        case Hanging():
            os.mkfifo(target, 0o644)
        case Link(to):
            target.symlink_to(os.path.relpath(root / to.lstrip("/"), target.parent.resolve()))


def _programs(packages: Path, root: Path) -> None:
    namespace.bind(packages / "usr", root / "usr", read_only=True)
    for name in applets(packages):
        if not (root / "system/bin" / name).is_symlink():
            (root / "system/bin" / name).symlink_to("/usr/bin/toybox")
    for script in SCRIPTS.iterdir():
        target = root / "system/bin" / script.name
        target.unlink(missing_ok=True)
        shutil.copyfile(script, target)
        target.chmod(0o755)


def _devices(root: Path) -> None:
    for name in DEVICES:
        (root / "dev" / name).touch()
        namespace.bind(Path("/dev") / name, root / "dev" / name)
    namespace.mount("devpts", root / "dev/pts", kind="devpts", data="newinstance,ptmxmode=0666,mode=620")
    try:
        namespace.mount("proc", root / "proc", kind="proc")
    except Unavailable:  # where parts of the outer /proc are hidden, a new one is refused
        namespace.bind(Path("/proc"), root / "proc")
    for name in MACHINE:  # a rooted phone's shell may be the machine's root, who owns these
        if (root / "proc" / name).exists():
            namespace.bind(root / "proc" / name, root / "proc" / name, read_only=True)


def _sys(personality: Personality, root: Path, *, rooted: bool) -> None:
    for path, node in sorted(personality.nodes.items(), key=lambda item: isinstance(item[1], Link)):
        place(root, path, node, rooted=rooted)
    for folder, _, _ in os.walk(root / "sys"):
        os.chmod(folder, 0o555)  # noqa: PTH101
    for folder in personality.unlistable:
        (root / folder.lstrip("/")).chmod(0o311)
