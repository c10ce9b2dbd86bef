# make run     set up what the app needs, fetch the models' weights, open the app
# make test    set up what the quick tests need and run them, and one a page in the browser
# make test-slow    more of the same: other signals, languages, widths
# make test-export    training, and the tests against the original implementations, with torch
# make test-gpu    the whole zoo on Chromium's software GPU, with REAL=1 on that of the machine
# make test-browsers  every test in Chromium, each page in Firefox and WebKit; BROWSERS=chromium is less
# make load    many visitors, long answers and long waits
# make soak    watch the app in use for SOAK_SECONDS, with strace
# make fuzz    damaged files, odd texts and options by the thousand; CASES, SEED and ONLY choose them
# make lint    ruff and mypy
# make bench   time every model, and a digit through HTTP against an echo
# make benchmarks  every model and others beside it, into docs/benchmarks.md; a quarter of an hour
# make setup   only prepare .venv with all that these need
#
# HARDWARE=gpu installs onnxruntime for NVIDIA's CUDA, webgpu for any other GPU, cpu for none; make run
# chooses by what the machine has. FETCH=no skips the weights.

PYTHON ?= python3
# NVIDIA's driver brings nvidia-smi; other GPUs show as a render node (Linux) or are there (macOS)
FOUND := $(if $(shell command -v nvidia-smi),gpu,$(if $(wildcard /dev/dri/renderD*)$(filter Darwin,$(shell uname)),webgpu,cpu))
HARDWARE ?= $(if $(filter run,$(MAKECMDGOALS)),$(FOUND),cpu)
FETCH ?= yes
BROWSERS ?= all
ARGS ?=
REAL ?=
# what runs the tests of two files at once; empty for one after the other
BESIDE ?= -n 2 --dist loadfile --no-loadscope-reorder
# of make test-export: which tests
EXPORT ?= export
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
TESTS := .venv/$(HARDWARE) .venv/test
OTHERS := $(if $(filter chromium,$(BROWSERS)),,.venv/browsers)  # their drivers
# Whatever imports torch lies in tests/export, which is not even read here.
QUICK := $(BIN)/python -m pytest --ignore=tests/export --ignore=tests/gpu $(BESIDE)

.PHONY: run test test-slow test-quick test-export test-gpu test-browsers load soak fuzz lint bench benchmarks setup browser screenshots clean

run: .venv/$(HARDWARE)
ifeq ($(FETCH),yes)
	$(BIN)/python -m model_zoo fetch --all
endif
	$(BIN)/python app.py $(ARGS)

test: $(TESTS) browser
	$(QUICK) -m "not (export or slow or load or soak) and (page or not browser)" $(ARGS)

test-slow: $(TESTS)
	$(QUICK) -m "slow and not browser" $(ARGS)

test-quick: $(TESTS)
	$(QUICK) -m "not (export or slow or load or browser or weights)" $(ARGS)

test-export: $(TESTS) .venv/export
	$(BIN)/python -m pytest --ignore=tests/gpu $(BESIDE) -m "$(EXPORT)" $(ARGS)

test-gpu: $(TESTS) browser
	SENSORIUM_REAL_GPU=$(REAL) $(BIN)/python -m pytest -s -m gpu tests/gpu $(ARGS)

test-browsers: $(TESTS) $(OTHERS) browser
	$(BIN)/python -m pytest -m "browser and not soak" $(ARGS)
ifneq ($(BROWSERS),chromium)
	@sh tests/browsers/install.sh
	$(BIN)/python -m pytest tests/browsers $(ARGS)
endif

load: $(TESTS)
	$(BIN)/python -m pytest -m load $(ARGS)

soak: $(TESTS) browser
	$(BIN)/python -m pytest -m soak $(ARGS)

fuzz: $(TESTS)
	$(BIN)/python -m tests.fuzz

lint: $(TESTS) .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(TESTS)
	$(BIN)/python -m model_zoo bench
	$(BIN)/python -m tests.bench_api

benchmarks: $(TESTS) .venv/export .venv/bench
	mkdir -p runs
	$(BIN)/python -m model_zoo bench --peers --json runs/benchmarks.json
	$(BIN)/python -m export benchmarks runs/benchmarks.json

setup: $(TESTS) .venv/lint .venv/browsers .venv/export

browser:
	@sh tests/browser/install.sh

screenshots: $(TESTS) browser
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf .venv build *.egg-info

.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Sensorium needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# One extra of pyproject.toml, installed once.
.venv/%: pyproject.toml | .venv
	$(INSTALL) -e ".[$*]"
	touch $@
