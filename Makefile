# `make demo` shows the system at work, `make test` runs everything. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
TESTS := tests/unit tests/pipeline tests/integration
# Many tests wait for a broker, so two run at once; a file stays together, so that what it starts is started once.
AT_ONCE := --numprocesses 2 --dist loadfile
# A test with kills has brokers and processes of its own, so that any two may run at once.
CHAOS_AT_ONCE := --numprocesses 2 --dist worksteal
# Two processes whose products are spread over threads wait for each other most of the time.
export OPENBLAS_NUM_THREADS := 1
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint unit bench contract

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: $(VENV)/.installed-dev  ## create .venv with everything for development

demo: $(VENV)/.installed  ## answer 2,000 requests on the embedded stack and show what came of it
	$(BIN)/asahi demo

test: setup  ## check the style and the types, then run every test with coverage
	scripts/prerequisites.sh --tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest $(CHAOS_AT_ONCE) --cov --cov-report= --cov-fail-under=0 tests/chaos
	$(BIN)/pytest $(AT_ONCE) --cov --cov-append --cov-report=term $(TESTS)

lint: setup  ## check the style and the types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
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
