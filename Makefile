# Two commands for a newcomer: `make run` and `make test`. The rest is for those who change the code.
# One environment, .venv, in two steps: the run lock is enough for `make run`, the dev lock adds the tools.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Debian's own interpreter first: another python3.11 on the PATH may lack modules that Debian's has.
PYTHON := $(firstword $(wildcard /usr/bin/python3.11) python3.11)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# Only wheels: a source build would fetch build tools that no lock pins.
LOCKED := $(INSTALL) --require-hashes --only-binary :all: -r
EDITABLE := $(INSTALL) --no-build-isolation -e .
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-emit-index-url \
	--python-version 3.11 --python-platform linux --custom-compile-command "make lock" $(UPGRADE)

# One process a core, module by module; MEASURE=1 runs the same suite under branch coverage.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile $(if $(MEASURE),--cov --cov-report=)

.PHONY: help run test check coverage floor proof bench soak peers lock venv clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

run: .venv/.run-stamp ## Start the gateway; on a fresh machine this is the only step
	@exec $(BIN)/hermes gateway run

test: .venv/.dev-stamp ## Run the whole test suite
	@$(PYTEST)

check: .venv/.dev-stamp ## Lint, format, types, import direction
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo

coverage: ## Run the suite once under coverage, then hold it against the floor
	@$(MAKE) --no-print-directory test MEASURE=1
	@$(MAKE) --no-print-directory floor

floor: .venv/.dev-stamp ## Hold the last measured run against the floor of branch coverage
	@$(BIN)/python scripts/coverage_floor.py

proof: .venv/.dev-stamp ## Run the long counts and write docs/proof.md (hours)
	@$(BIN)/python -m pytest -m proof --proof-report docs/proof.md

bench: .venv/.dev-stamp ## Measure beside the peers and write benchmarks/results.md (ONLY=load: a part)
	@$(BIN)/python -m benchmarks --only "$(ONLY)"

soak: .venv/.dev-stamp ## Half an hour of load, faults and kills, into benchmarks/results.md (SECONDS=360 SEED=7)
	@$(BIN)/python -m benchmarks.soak $(addprefix --seconds=,$(SECONDS)) $(addprefix --seed=,$(SEED))

peers: .venv/.dev-stamp ## Install whom `make bench` compares with, in ~/.cache/hermes-bench
	@$(BIN)/python -m benchmarks.peers

lock: .venv/.dev-stamp ## Renew the locks after a change of dependencies (UPGRADE=--upgrade moves all)
	@$(COMPILE) --group build -o requirements/run.txt
	@$(COMPILE) --group dev -c requirements/run.txt -o requirements/dev.txt

venv: .venv/.dev-stamp ## Make .venv with the development tools

clean: ## Remove .venv, caches and build output
	@rm -rf .venv build dist .coverage .coverage.* htmlcov
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null && $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python 3.11 with its venv module is needed. On Debian 12: sudo apt-get install python3.11-venv" >&2; exit 1; }
	@echo "Making .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv

.venv/.run-stamp: requirements/run.txt pyproject.toml | .venv/bin/python
	@echo "Installing $$(grep -c '^[a-z].*==' requirements/run.txt) locked packages into .venv ..."
	@$(LOCKED) requirements/run.txt
	@$(EDITABLE)
	@touch $@

.venv/.dev-stamp: requirements/dev.txt .venv/.run-stamp
	@echo "Installing $$(grep -c '^[a-z].*==' requirements/dev.txt) locked packages, tools included, into .venv ..."
	@$(LOCKED) requirements/dev.txt
	@touch $@
