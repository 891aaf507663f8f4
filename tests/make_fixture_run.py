"""Made the runs in `tests/fixtures/runs`, which have to stay readable for ever: `python -m tests.make_fixture_run`.

Run it again only to add those of a new schema, in folders of their own; the old ones stay as they are.
"""

from pathlib import Path

from edgewatt.profiler.tables import SCHEMA_VERSION
from tests.recorded_runs import recorded

RUNS = Path(__file__).parent / "fixtures" / "runs"


def main() -> None:
    """Record a run of the current schema, and one that was never closed."""
    print(recorded(RUNS / f"schema{SCHEMA_VERSION}", steps=4))
    print(recorded(RUNS / f"schema{SCHEMA_VERSION}-crashed", steps=4, closed=False))


if __name__ == "__main__":
    main()
