"""Servers of SSH: this machine's own sshd, or what its own Debian release has, fetched once by its own apt."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.adbd.packages import CACHE, FETCH_S, Unavailable, once

FORM: Final = 1  # counted up when the folder is to hold something else than before
SYSTEM: Final = Path("/usr/sbin/sshd")

# The machine's own sources, keys and installed packages; what is fetched and listed lies in a folder of ours.
CONFIGURATION: Final = """\
Dir::State::Lists "{work}/lists";
Dir::Cache "{work}/cache";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
APT::Sandbox::User "";
Debug::NoLocking "true";
"""


def openssh(cache: Path = CACHE) -> tuple[Path, dict[str, str]]:
    """sshd, and the environment that it needs. Raises Unavailable."""
    _need("ssh", "ssh-keygen")
    if SYSTEM.exists():
        return SYSTEM, {}
    root, libraries = _unpacked(cache, "openssh-server")
    return root / "usr" / "sbin" / "sshd", libraries


def dropbear(cache: Path = CACHE) -> tuple[Path, dict[str, str]]:
    """The folder with dropbear and its dropbearkey, and the environment that they need. Raises Unavailable."""
    _need("ssh", "ssh-keygen")
    return _unpacked(cache, "dropbear-bin")


def netcat(cache: Path = CACHE) -> tuple[Path, dict[str, str]]:
    """Debian's usual nc, and the environment that it needs. Raises Unavailable."""
    root, libraries = _unpacked(cache, "netcat-openbsd")
    return next(root.glob("**/bin/nc.openbsd")), libraries


def _need(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"{missing[0]} is not installed")


def _unpacked(cache: Path, package: str) -> tuple[Path, dict[str, str]]:
    _need("apt-get", "dpkg-deb")
    root = once(cache / f"{package}-{_release()}-{os.uname().machine}-{FORM}", lambda folder: _fetch(folder, package))
    libraries = [str(path) for path in (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"))]
    return root, {"LD_LIBRARY_PATH": ":".join(libraries)}


def _release() -> str:
    """Of this machine: another's libraries do not go with its own."""
    try:
        said = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        said = []
    known = dict(line.split("=", 1) for line in said if "=" in line)
    return "-".join(known.get(key, "unknown").strip('"') for key in ("ID", "VERSION_ID"))


def _fetch(folder: Path, package: str) -> None:
    work = folder / "apt"
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True)
    (work / "apt.conf").write_text(CONFIGURATION.format(work=work))
    environment = os.environ | {"APT_CONFIG": str(work / "apt.conf"), "LC_ALL": "C"}
    _apt(["update"], environment)
    _apt(["install", "-y", "--no-install-recommends", "--download-only", package], environment)
    for archive in sorted((work / "cache" / "archives").glob("*.deb")):
        if archive.name.startswith((package, "lib")):
            subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
    shutil.rmtree(work)
    shutil.rmtree(folder / "usr" / "share", ignore_errors=True)
    if not any(folder.glob("**/*bin")):
        raise Unavailable(f"Debian's {package} was not downloaded")


def _apt(arguments: list[str], environment: dict[str, str]) -> None:
    command = ["apt-get", "-qq", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=FETCH_S, errors="replace"
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or "nothing said").splitlines()[0]
        raise Unavailable(f"apt-get {arguments[0]} says {said}")
