# `make profile` and `make test` do all of their own set-up: they need Python 3.11 to 3.13, make and PyPI.

PYTHON ?= $(shell .ci/find-python)
VENV ?= .venv
BIN := $(VENV)/bin
# What needs an extra's packages is tested beside them, so that everything else is tested without.
EXTRAS ?= .venv-extras
TESTS ?= extra
# A worker more than there are cores, since many tests wait; each takes the next test.
WORKERS ?= $(shell $(BIN)/python -c 'import os; print(len(os.sched_getaffinity(0)) + 1)')
# More for pytest, for the tiers beside the suite.
OPTIONS ?=
PARALLEL ?= --numprocesses $(WORKERS) --dist worksteal
# A file at a time: what its tests share, they make once. Most of the time they wait for programs of others.
PEERS ?= --numprocesses $(WORKERS) --dist loadfile --durations 12

# Every test and every command that it starts would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: docs profile test lint compiled suite coverage test-long test-peers test-extras test-pythons coverage-figures benchmarks clean

profile: $(VENV)/ready
	rm -rf out/host out/phone out/bench
	$(BIN)/edgewatt profile @tiny -d host -o out/host --seconds 1 --warmup 3
	$(BIN)/edgewatt profile @tiny -d virtual:phone -o out/phone --repeats 3 --seconds 3 --idle 2 --warmup 0.5
	$(BIN)/edgewatt profile @tiny -d virtual:bench -o out/bench --repeats 3 --seconds 3 --idle 2 --warmup 0.5
	$(BIN)/edgewatt export out/host out/phone out/bench --to csv -o out/table.csv
	$(BIN)/edgewatt export out/host out/phone out/bench --to markdown -o -

test: $(VENV)/ready
	$(MAKE) --no-print-directory --jobs 2 lint compiled
	$(MAKE) --no-print-directory suite

# The files with a mark in them: every worker would read all of them to find the few.
marked = $(shell grep -rl --include='test_*.py' 'mark\.$(1)' tests)

# Once, beside the linters; else every worker compiles every test for itself.
compiled: $(VENV)/ready
	$(BIN)/pytest --collect-only -q -m "not peer and not extra" >/dev/null

lint: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

suite: $(VENV)/ready
	$(BIN)/pytest $(PARALLEL) -m "not peer and not long and not extra"

# Many trials of one kind: cuts, kills, damaged models, every command of README and docs.
test-long: $(VENV)/ready
	$(BIN)/pytest $(OPTIONS) $(PARALLEL) -m "long and not extra" $(CHOSEN)

# The suite once more, traced: twice as slow.
coverage: $(VENV)/ready
	$(BIN)/pytest $(PARALLEL) -m "not peer and not extra" --cov --cov-report=term:skip-covered

# Against programs that we did not write; each test makes the environment it needs.
test-peers: $(VENV)/ready
	$(BIN)/pytest $(OPTIONS) $(PEERS) -m "peer and not long" $(call marked,peer)

# What needs the packages of extras; TensorFlow's and tflite-runtime's are in the peer tier. Networks this small only lose
# by threads that wait for each other.
test-extras: $(EXTRAS)/ready
	OMP_NUM_THREADS=1 $(EXTRAS)/bin/pytest $(OPTIONS) -m "$(TESTS)" --durations 8 $(call marked,extra)

# Install and profile with every other Python that this machine has.
test-pythons:
	.ci/smoke $(ONLY)

# A thousand runs of every virtual phone, and 400 of each virtual meter, in virtual time; kept in docs/validation.
coverage-figures: $(VENV)/ready
	$(BIN)/python -m tests.virtual_time -o docs/validation/coverage-phone.md
	$(BIN)/python -m tests.virtual_meter -o docs/validation/coverage-meter.md
	$(BIN)/python -m tests.virtual_suite --seeds 300 --processes 2 -o docs/validation/coverage-calibration.md

# The documentation site, into out/site.
docs: $(EXTRAS)/ready
	$(EXTRAS)/bin/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs out/site

benchmarks: $(VENV)/ready
	$(BIN)/python benchmarks/table.py

$(VENV)/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "edgewatt needs Python 3.11, 3.12 or 3.13; none was found (set PYTHON=...)" >&2; exit 1; }
	.ci/environment $(PYTHON) $(VENV) --editable . --group dev
	touch $@

$(EXTRAS)/ready: pyproject.toml
	.ci/extras "$(PYTHON)" $(EXTRAS)
	touch $@

clean:
	rm -rf $(VENV) $(EXTRAS) out build dist
