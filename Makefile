# Each target works alone in a fresh clone, on a machine with Python 3.11 or later, gcc and make.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
SHARED := --numprocesses auto --maxprocesses 8 --dist worksteal
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: demo test test-gpu bench bench-gpu recipes lint page clean

# make demo: an LSTM learns from real text in a few minutes, and writes.
demo: .venv/installed
	$(BIN)/cellwright demo $(ARGS)

# make test: the style, the types, the layers and the tests, also of the GPU kernel, which Triton's interpreter runs where
# Triton is installed. ARGS goes to pytest; what it chooses may be in one of the two runs only.
# Processes that share cores must sleep while their threads wait for one another: spinning, the tests take four times
# as long.
test: lint
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest $(SHARED) $(ARGS)
	TRITON_INTERPRET=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest $(SHARED) tests/gpu $(ARGS) || test $$? = 5

# make test-gpu: the GPU kernel on the GPU of this machine.
test-gpu: .venv/installed
	$(BIN)/python -m pytest tests/gpu $(ARGS)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# make bench: against PyTorch and ONNX Runtime, side by side. ARGS="--quick" for a first look.
bench: .venv/installed
	$(BIN)/python -m benchmarks $(ARGS)

# make bench-gpu: the GPU kernel against cuDNN and Python loops, on a CUDA device.
bench-gpu: .venv/installed
	$(BIN)/python -m benchmarks.gpu $(ARGS)

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
