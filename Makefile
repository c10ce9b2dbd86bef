# make run     set up what the app needs, fetch the models' weights, open the app
# make test    set up everything and run the quick tests, and one a page in the browser
# make test-export    the tests against the original implementations, with torch
# make test-browsers  every test in Chromium, each page in Firefox and WebKit; BROWSERS=chromium is less
# make load    many visitors, long answers and long waits
# make soak    watch the app in use for SOAK_SECONDS, with strace
# make fuzz    damaged files, odd texts and options by the thousand; CASES, SEED and ONLY choose them
# make lint    ruff and mypy
# make bench   time every model, and a digit through HTTP against an echo
# make setup   only prepare .venv with all that the tests need
#
# HARDWARE=gpu installs onnxruntime for NVIDIA in place of the CPU's; FETCH=no skips the weights.

PYTHON ?= python3
HARDWARE ?= cpu
FETCH ?= yes
BROWSERS ?= all
ARGS ?=
# of make fuzz: how many cases, the seed of the first, the kinds with this in their name, a folder
# of files to begin from besides those that it makes
export CASES ?= 1500
export SEED ?= 0
export ONLY ?=
export INPUTS ?= ../shared/data/inputs
# of make soak
export SOAK_SECONDS ?= 300

BIN := .venv/bin
# uv is much faster than pip; without it pip does the same.
INSTALL := $(if $(shell command -v uv),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install)

.PHONY: run test test-quick test-export test-browsers load soak fuzz lint bench setup browser screenshots clean

run: .venv/app-$(HARDWARE)
ifeq ($(FETCH),yes)
	$(BIN)/python -m model_zoo fetch --all
endif
	$(BIN)/python app.py $(ARGS)

test: setup browser
	$(BIN)/python -m pytest -m "not (export or load or soak) and (page or not browser)" $(ARGS)

test-quick: setup
	$(BIN)/python -m pytest -m "not (browser or weights or export or load)" $(ARGS)

test-export: setup
	$(BIN)/python -m pytest -m export $(ARGS)

test-browsers: setup browser
	$(BIN)/python -m pytest -m "browser and not soak" $(ARGS)
ifneq ($(BROWSERS),chromium)
	@sh tests/browsers/install.sh
	$(BIN)/python -m pytest tests/browsers $(ARGS)
endif

load: setup
	$(BIN)/python -m pytest -m load $(ARGS)

soak: setup browser
	$(BIN)/python -m pytest -m soak $(ARGS)

fuzz: setup
	$(BIN)/python -m tests.fuzz

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m model_zoo bench
	$(BIN)/python -m tests.bench_api

setup: .venv/all-$(HARDWARE)

browser:
	@sh tests/browser/install.sh

screenshots: setup browser
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf .venv build *.egg-info

.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Sensorium needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/app-%: pyproject.toml | .venv
	$(INSTALL) -e ".[$*]"
	touch $@

.venv/all-%: pyproject.toml | .venv
	$(INSTALL) -e ".[$*,export,dev]"
	touch $@ .venv/app-$*
