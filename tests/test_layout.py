"""The first test of all: the folders at the root are the package, through links that survived the checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

import edgewatt

ROOT = Path(__file__).parents[1]
FOLDERS = ("profiler", "collectors", "device_profiles", "reports", "models", "virtual_lab")


@pytest.mark.parametrize("folder", FOLDERS)
def test_link_survived_the_checkout(folder: str) -> None:
    link = ROOT / "src" / "edgewatt" / folder
    assert link.is_symlink(), f"{link} is no link: git needs core.symlinks=true, and a copy must keep links"
    assert link.resolve() == ROOT / folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_bare_import_is_refused(folder: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"import it as edgewatt.{folder}" in done.stderr


def test_every_public_name_is_there() -> None:
    assert set(edgewatt.__all__) == {*edgewatt._PUBLIC, "__version__"}
    for name in edgewatt.__all__:
        assert getattr(edgewatt, name) is not None


def test_importing_edgewatt_loads_nothing_heavy() -> None:
    code = "import sys, edgewatt; print({'numpy', 'pyarrow', 'pandas', 'argparse'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
