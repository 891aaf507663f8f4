"""Debian 13's adbd, mksh and toybox with their libraries, fetched once by the machine's own apt and unpacked."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

SUITE: Final = "trixie"
PACKAGES: Final = ("adbd", "libfaketime", "mksh", "toybox")
FORM: Final = 2  # counted up when the folder is to hold something else than before
FETCH_S: Final = 200.0
_REFUSED: Final[dict[Path, str]] = {}
PROGRAMS: Final = ("apt-get", "dpkg", "dpkg-deb")
# Where what was downloaded is kept between runs; taken before any test gets a home of its own.
CACHE: Final = Path(os.environ.get("EDGEWATT_TEST_CACHE") or Path.home() / ".cache" / "edgewatt-tests")
SOURCES: Final = Path("/etc/apt")
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What Debian calls its releases; an entry for any of them leads to the archive that has trixie too.
RELEASES: Final = "bullseye bookworm trixie forky duke sid oldoldstable oldstable stable testing unstable"

CONFIGURATION: Final = """\
Dir::State::Lists "{work}/lists";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Etc::sourcelist "{work}/trixie.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
APT::Sandbox::User "";
Debug::NoLocking "true";
"""


class Unavailable(Exception):  # noqa: N818  (a reason to skip, not an error)
    """This machine cannot run the peer; says why in one line."""


def unpacked(cache: Path = CACHE) -> Path:
    """The folder with the unpacked packages, complete; fetched if it is not there. Raises Unavailable."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"{missing[0]} is not installed, and fetches Debian's adbd")
    return once(cache / f"adbd-{SUITE}-{_architecture()}-{FORM}", _fetch) / "root"


def once(folder: Path, fetch: Callable[[Path], None]) -> Path:
    """`folder`, filled by `fetch` if it is not there: whole or not at all, by one process at a time.

    What could not be had is not tried again by this process. Raises Unavailable.
    """
    if folder in _REFUSED:
        raise Unavailable(_REFUSED[folder])
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second test run waits here for the first
            if not folder.exists():
                half = folder.with_name(f"{folder.name}.half")
                shutil.rmtree(half, ignore_errors=True)
                half.mkdir()
                fetch(half)
                half.rename(folder)
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        _REFUSED[folder] = f"{folder.name} cannot be had: {error}"
        raise Unavailable(_REFUSED[folder]) from None
    return folder


def applets(root: Path) -> list[str]:
    """The names that toybox answers to."""
    return (root.parent / "applets").read_text().split()


def sources(apt: Path = SOURCES) -> str:
    """The machine's own entries for Debian, for trixie instead. Raises Unavailable if it has none."""
    found = []
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        if path.suffix == ".sources":
            found += list(_stanzas(path.read_text()))
        elif path.suffix == ".list" and path.is_file():
            found += list(_lines(path.read_text()))
    if not found:
        raise Unavailable("no entry for Debian is in this machine's apt sources, and its adbd comes from there")
    return "\n\n".join(found) + "\n"


def _stanzas(text: str) -> Iterator[str]:
    """Entries in deb822 style."""
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields: dict[str, list[str]] = {}
        for line in lines:
            name, colon, rest = line.partition(":")
            if line[:1].isspace() and fields:
                fields[next(reversed(fields))].append(line)
            elif colon:
                fields[name.strip().lower()] = [rest.strip()]
        on = fields.get("enabled", ["yes"])[0] != "no"
        if on and "deb" in fields.get("types", [""])[0].split() and _releases(" ".join(fields.get("suites", []))):
            yield _entry(fields["uris"][0], fields.get("signed-by", []))


def _lines(text: str) -> Iterator[str]:
    """Entries of one line each."""
    for line in text.splitlines():
        entry = re.fullmatch(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+main\b.*", line.strip())
        if entry is not None and _releases(entry[3]):
            signed = re.search(r"signed-by=(\S+)", entry[1] or "")
            yield _entry(entry[2], [signed[1]] if signed else [])


def _releases(suites: str) -> bool:
    return any(suite in RELEASES.split() for suite in suites.split())


def _entry(uris: str, signed_by: list[str]) -> str:
    signed = "\n".join(signed_by) or (str(KEYRING) if KEYRING.exists() else "")
    return f"Types: deb\nURIs: {uris}\nSuites: {SUITE}\nComponents: main" + (f"\nSigned-By: {signed}" if signed else "")


def _architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def _fetch(folder: Path) -> None:
    work, root = folder / "apt", folder / "root"
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True)
    (work / "status").touch()
    (work / "trixie.sources").write_text(sources())
    (work / "apt.conf").write_text(CONFIGURATION.format(work=work))
    environment = os.environ | {"APT_CONFIG": str(work / "apt.conf"), "LC_ALL": "C"}
    _apt(["update"], environment)
    _apt(["install", "-y", "--no-install-recommends", "--download-only", *PACKAGES], environment)
    for package in sorted((work / "cache" / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)
    shutil.rmtree(work)
    shutil.rmtree(root / "usr" / "share", ignore_errors=True)
    (folder / "applets").write_text(_toybox(root))


def _apt(arguments: list[str], environment: dict[str, str]) -> None:
    command = ["apt-get", "-qq", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=FETCH_S, errors="replace"
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or "nothing said").splitlines()[0]
        raise Unavailable(f"apt-get {arguments[0]} says {said}")


def _toybox(root: Path) -> str:
    libraries = next((root / "usr" / "lib").glob("*-linux-gnu*"))
    loader = next(libraries.glob("ld-linux*"))
    done = subprocess.run(
        [loader, "--library-path", libraries, root / "usr" / "bin" / "toybox"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
