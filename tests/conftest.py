"""What holds for every test: properties are tried with fixed seeds, and nobody's home is touched."""

import os
import signal

import pytest
from hypothesis import settings

from edgewatt.collectors.monsoon import lock

# As the command line does; it is read as numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Below `nohup` what hangs up would go on.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# EXAMPLES=500 tries properties harder.
EXAMPLES = int(os.environ.get("EXAMPLES", "40"))
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=EXAMPLES)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """edgewatt's notes between runs go to a temporary folder, and nobody's benches are found."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
    # Tests look for sentences, which a narrow terminal folds.
    monkeypatch.delenv("COLUMNS", raising=False)
    # A pseudo-terminal's number is soon another's, in a test beside this one.
    monkeypatch.setattr(lock, "FOLDER", tmp_path_factory.getbasetemp())
