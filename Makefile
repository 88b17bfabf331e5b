# `make demo` shows the system at work, `make test` runs everything. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
# Many tests wait for a broker, so three run at once on two cores. tests/spreading.py says which run beside which: a
# file stays together, so that what it starts is started once, and at most two tests with kills run at a time.
AT_ONCE := --numprocesses 3 --dist loadfile
# Processes whose products or fits are spread over threads wait for each other most of the time.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export PYTHON
# Hundreds of processes import the same modules: each is compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test style lint unit bench contract

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: $(VENV)/.installed-dev  ## create .venv with everything for development

demo: $(VENV)/.installed  ## answer 2,000 requests on the embedded stack and show what came of it
	$(BIN)/asahi demo

test: style  ## check the style and the types, and run every test with coverage
	scripts/prerequisites.sh --tests
	@# The types are checked beside the first tests, which wait most of the time.
	nice $(BIN)/mypy & types=$$!; \
	  $(BIN)/pytest $(AT_ONCE) --cov --cov-report=term; tests=$$?; \
	  wait $$types || { echo "mypy found errors, shown above; make lint shows them again"; exit 1; }; \
	  exit $$tests

style: setup  ## check the style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lint: style  ## check the style and the types
	$(BIN)/mypy

unit: setup  ## run the fast tests
	$(BIN)/pytest --quiet $(AT_ONCE) tests/unit

bench: setup  ## measure the pipeline; ARGS=--quick for a run under 45 s
	$(BIN)/python benchmarks/pipeline.py $(ARGS)

contract: setup  ## write the generated schemas, the AsyncAPI document and the tables in docs/
	$(BIN)/python -m streams.contract

$(BIN)/python:
	scripts/prerequisites.sh
	$(PYTHON) -m venv $(VENV)

# A venv with the development packages has all that the demo needs.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@test $(VENV)/.installed-dev -nt pyproject.toml -a $(VENV)/.installed-dev -nt constraints.txt || \
	  { echo "installing Asahi into $(VENV)" && $(PIP) --editable . --constraint constraints.txt; }
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing Asahi and its test tools into $(VENV)"
	@$(PIP) --editable '.[dev]' --constraint constraints.txt
	@touch $@
