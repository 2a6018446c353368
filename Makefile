# Each target works alone in a fresh clone, on a machine with Python 3.11 or later, gcc and make.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: demo test bench recipes lint page clean

# make demo: an LSTM learns from real text in a few minutes, and writes.
demo: .venv/installed
	$(BIN)/cellwright demo $(ARGS)

# make test: the style, the types, the layers and the tests. ARGS goes to pytest.
# Processes that share cores must sleep while their threads wait for one another: spinning, the tests take four times
# as long.
test: lint
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal $(ARGS)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# make bench: against PyTorch and ONNX Runtime, side by side. ARGS="--quick" for a first look.
bench: .venv/installed
	$(BIN)/python -m benchmarks $(ARGS)

# make recipes DATA=FOLDER: train by every recipe on published data, and print reached against expected.
recipes: .venv/installed
	$(BIN)/python -m recipes $(DATA) $(ARGS)

# torch goes first and by its pin alone, so that a wheel already on the machine is taken before any newer one.
# The build back end comes from the same pins, not from a second environment.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(INSTALL) torch hatchling
	$(INSTALL) --no-build-isolation --editable '.[dev]'
	touch $@

# make page: build the page of the inspector, with Node.js; what is built is kept in the repository.
page:
	cd web && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
