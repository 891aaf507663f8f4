# `make profile` and `make test` do all of their own set-up: they need Python 3.11 to 3.13, make and PyPI.

PYTHON ?= $(shell .ci/find-python)
VENV ?= .venv
BIN := $(VENV)/bin
# Tests mostly wait; a worker per core, each takes the next test.
PARALLEL ?= --numprocesses auto --dist worksteal

.PHONY: profile test lint suite coverage test-long test-peers test-extras test-pythons benchmarks clean

profile: $(VENV)/ready
	rm -rf out/host
	$(BIN)/edgewatt profile @tiny -d host -o out/host
	$(BIN)/edgewatt export out/host --to csv -o out/table.csv
	$(BIN)/edgewatt export out/host --to markdown -o -

test: lint suite

lint: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

suite: $(VENV)/ready
	$(BIN)/pytest $(PARALLEL) -m "not peer and not long"

# Many trials of one kind: cuts, kills, damaged models, every command of README.
test-long: $(VENV)/ready
	$(BIN)/pytest $(PARALLEL) -m "long and not peer"

# The suite once more, traced: twice as slow.
coverage: $(VENV)/ready
	$(BIN)/pytest $(PARALLEL) -m "not peer" --cov --cov-report=term:skip-covered

# Against programs that we did not write; each test makes the environment it needs.
test-peers: $(VENV)/ready
	$(BIN)/pytest $(PARALLEL) -m peer

# The full suites of the extras, each where it is installed; tflite-runtime is in the peer tier.
test-extras: test-peers

# Install and profile with every other Python that this machine has.
test-pythons:
	.ci/smoke

benchmarks: $(VENV)/ready
	$(BIN)/python benchmarks/table.py

$(VENV)/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "edgewatt needs Python 3.11, 3.12 or 3.13; none was found (set PYTHON=...)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

clean:
	rm -rf $(VENV) out build dist
