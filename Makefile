# make demo            set up .venv and train on handwritten digits; the last line is the accuracy
# make test            set up .venv and run the tests, in as many processes as there are cores;
#                      WORKERS=0 in one, here and with the tests below
# make test-codegen    run the tests of code generation: loop programs, mappings, the text of kernels
# make test-cuda       run CUDA on the CPU: real PyCUDA (built once, in its own .venv-cuda) over an
#                      emulated driver: kernels as the PTX that nvcc makes, what runs them as CUDA C by
#                      g++, and ranks that train on it over a stand-in for NCCL; with PTX=1 all as PTX,
#                      on each card; with SANITIZE=address,undefined all by g++, under those sanitizers;
#                      with OVER=ptx or OVER=source the tests that run so by default
# make test-native    let the tests of models run as native code, cpu=native; with
#                      SANITIZE=address,undefined the tests of native code under those sanitizers
# make test-keras-1.2  run the tests of layers and models with the meanings of Keras 1.2, keras=1.2; TESTS,
#                      files and folders, for others
# make test-ranks      run what needs several ranks: under mpiexec, with 2 and 4 ranks, and over a
#                      stand-in for NCCL; installs mpi4py and MPICH from wheels into .venv
# make test-programs   run programs in the manner of Keras 1's time, which train to a stated quality,
#                      and those of examples/, cut down
# make test-package    build the wheel, install it into an empty environment, and train there
# make campaign        run the campaigns' own tests, and what each commit runs of them; NAME (one or
#                      several) runs those alone, and goes on where they were stopped. SEED, NUMBER
#                      of cases, SECONDS, and OPTIONS of the campaign:
#                      make campaign NAME=graphs SEED=7 SECONDS=600
# make mutants         change a piece of the package's code at a time, and see whether the tests of its
#                      own folder notice; NUMBER, SEED, SECONDS as above, and UNDER, files and
#                      folders of the package by commas: make mutants UNDER=graphc/callbacks.
#                      A number is a change to the code of one commit, HEAD by default:
#                      OPTIONS='--commit HASH' goes on with those of another one
# make campaign-ranks  stop a rank at random moments of a training, again and again: kill it, stop it, let
#                      it fail; NUMBER (50), SEED, SECONDS as above
# make test-web        check the page of `graphc view`: its script's own tests (node and npm), and
#                      the page in Chromium; says what is missing
# make web             bundle that script anew (node and npm)
# make gpu-kit         fill build/gpu-kit with the wheels that benchmarks/gpu_check.py needs on a machine
#                      with a GPU and no network: for Python and CUDA as here, or PYTHON=3.12,
#                      CUDA=12; with NVCC=1 nvcc and compute-sanitizer, too (CUDA 13); with SOURCE=1
#                      PyCUDA as source, which is built over there
# make rehearse-gpu    run benchmarks/gpu_check.py from such a kit, from start to end, on the emulated
#                      driver and without a network; with all models and kernels, cut down
# make nvcc-gate       compile the kernels of the reference models with nvcc, as each of four cards would
#                      run them: no spills, and registers, shared memory, instructions and counts as in
#                      tests/nvcc/ledger.json; with UPDATE=1 the ledger is written
# make bench           where a training step's time goes
# make peers           train beside PyTorch, JAX, Keras 3 and PyTensor (its own .venv-peers); options of
#                      benchmarks/peers in PEERS, e.g. make peers PEERS='--only mlp --rounds 3'
# make forms           time single operations of many shapes beside PyTorch (its own .venv-torch); options of
#                      benchmarks/forms in FORMS, e.g. make forms FORMS='--kind product --rounds 3'
# make architectures   time steps or predictions of known networks beside PyTorch (its own .venv-torch); options
#                      of benchmarks/architectures in ARCHITECTURES, e.g.
#                      make architectures ARCHITECTURES='--only resnet vae --rounds 3'
# make slow-kernels    kernels of models that nobody chose that are far from what the machine does; SEED,
#                      SECONDS and OPTIONS=--last, channels last (benchmarks/random_models)
# make docs            build the manual into site/ (its own .venv-docs); a warning or a dead link is an
#                      error
# make lint            ruff (its rules and its format), the floors of the package (import-linter), types
#                      of the package and of a user's program (mypy), the words of names and docstrings
# make references-check  record the PyTorch references again and compare (its own .venv-torch)
# make clean           remove the environments and everything that was built
#
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := .venv-torch
CUDA := .venv-cuda
PEERS_VENV := .venv-peers
DOCS_VENV := .venv-docs
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# "Leaving directory" would follow the demo's last line when make runs inside of make.
MAKEFLAGS += --no-print-directory

.PHONY: demo test test-codegen test-keras-1.2 test-native test-cuda test-ranks test-programs test-package test-web web campaign mutants campaign-ranks gpu-kit rehearse-gpu nvcc-gate bench peers forms architectures slow-kernels docs lint references-check clean

# Each stamp is one set-up, redone only when pyproject.toml changes; the install is editable, so
# that a changed source file needs none.
$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e .
	touch $@

$(VENV)/.test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e '.[test]'
	touch $@

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e '.[dev]'
	touch $@

$(VENV)/.ranks: $(VENV)/.test
	$(BIN)/python $(PIP_INSTALL) -e '.[test,mpi]'
	touch $@

# A range, not one release: the recordings name the version that made them.
$(TORCH)/.ready: Makefile pyproject.toml
	$(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/python $(PIP_INSTALL) -e . 'torch>=2.6' 'numpy>=2'
	touch $@

# Ranges, too: the tables name the versions. PyTorch as PyPI has it also runs on a CPU; its smaller
# wheel for CPUs is taken where pip finds it first.
$(PEERS_VENV)/.ready: Makefile pyproject.toml
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python $(PIP_INSTALL) -e '.[test]' 'torch>=2.6' 'jax>=0.5' 'keras>=3.6,<4' \
	  'tensorflow>=2.18' 'pytensor>=3,<4'
	touch $@

demo: $(VENV)/.demo
	@$(BIN)/graphc demo

# Each process gets one part of the tests in their order, and what is left of another's once it has
# done its own: what the tests of a file share is mostly made once. It is no option in
# pyproject.toml, so that a bare `pytest` is one process, in which the tests of a file begin at
# once and a debugger works.
WORKERS ?= auto
PYTEST := -m pytest -q -n $(WORKERS) --dist worksteal

# Tests of the campaigns themselves are those of `make campaign`.
RANKS_TESTS := tests/parallel/mpiexec tests/parallel/nccl
PROGRAMS_TESTS := tests/keras_programs tests/examples
# The evaluator runs programs slowly. `make test` compares what they become with the interpreter.
CODEGEN_TESTS := tests/compiler/lowering tests/compiler/loops tests/compiler/targets
OWN_TARGETS := tests/campaigns tests/packaging tests/web $(CODEGEN_TESTS) $(PROGRAMS_TESTS) \
  $(RANKS_TESTS)

test: $(VENV)/.test
	$(BIN)/python $(PYTEST) $(addprefix --ignore=,$(OWN_TARGETS))

test-codegen: $(VENV)/.test
	$(BIN)/python $(PYTEST) $(CODEGEN_TESTS)

# Each job is several processes, which mostly wait for each other.
test-ranks: $(VENV)/.ranks
	$(BIN)/python $(PYTEST) $(RANKS_TESTS)

# Where meanings differ most. The tests of what else models take pass too. Recurrent layers have one
# meaning: the launches of their loops are not counted again.
TESTS ?= tests/layers tests/engine --ignore=tests/layers/test_recurrent_kernels.py

test-keras-1.2: $(VENV)/.test
	GRAPHC_TEST_KERAS=1.2 $(BIN)/python $(PYTEST) $(TESTS)

# Each program is a process of its own.
test-programs: $(VENV)/.test
	$(BIN)/python $(PYTEST) $(PROGRAMS_TESTS)

# Installs what graphc needs from the package index, into an environment of the test.
test-package: $(VENV)/.test
	$(BIN)/python $(PYTEST) tests/packaging

$(VENV)/.web: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e '.[test,web]'
	touch $@

web/node_modules/.ready: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	touch $@

web: web/node_modules/.ready
	cd web && node build.js

# The committed bundle has to be what the sources give.
test-web: $(if $(shell command -v npm),web/node_modules/.ready) $(VENV)/.web
ifeq ($(shell command -v npm),)
	@echo "make test-web: the script's own tests NOT RUN, this machine has no node and npm"
else
	cd web && npm run --silent lint && npm run --silent test
	mkdir -p build/web && cd web && node build.js ../build/web
	diff -r build/web graphc/view/bundle
endif
ifeq ($(shell command -v chromium google-chrome),)
	@echo "make test-web: the page in a browser NOT RUN, this machine has no Chromium"
else
	$(BIN)/python -m pytest -q tests/web
endif

# The libraries of sanitizers have to be the first in a process. What they report comes with -s, from
# any process, though it ends with the report.
SANITIZE ?=
PTX ?=
OVER ?=
SANITIZER_NAMES := $(if $(findstring address,$(SANITIZE)),asan) \
  $(if $(findstring undefined,$(SANITIZE)),ubsan)
SANITIZER_LIBRARIES = $(foreach name,$(SANITIZER_NAMES),$(shell gcc -print-file-name=lib$(name).so))

# What takes models through fit, evaluate and predict. `make test` has the tests of native code.
NATIVE_TESTS := tests/engine tests/programs tests/models tests/reference_models tests/callbacks \
  tests/wrappers
# Compiled for no other run: an empty cache at the first one, that of before at the next.
NATIVE_CACHE := $(CURDIR)/build/native-tests-$(or $(SANITIZE),plain)

test-native: $(VENV)/.test
ifeq ($(SANITIZE),)
	GRAPHC_TEST_CPU=native XDG_CACHE_HOME=$(NATIVE_CACHE) \
	  $(BIN)/python $(PYTEST) $(wildcard $(NATIVE_TESTS)) tests/test_models.py
else
	CXX=$(CURDIR)/tests/native/sanitizing GRAPHC_NATIVE_SANITIZE=$(SANITIZE) \
	  XDG_CACHE_HOME=$(NATIVE_CACHE) LD_PRELOAD="$(SANITIZER_LIBRARIES)" \
	  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
	  $(BIN)/python $(PYTEST) -s tests/native
endif

# The wheel of PyCUDA comes from the user's cache, or is built into it. Forced: another build has the
# same version.
$(CUDA)/.ready: pyproject.toml tests/cuda_emulator/pycuda_wheel.py
	$(PYTHON) -m venv $(CUDA)
	$(CUDA)/bin/python $(PIP_INSTALL) -e '.[test,mpi]'
	wheel=$$($(CUDA)/bin/python tests/cuda_emulator/pycuda_wheel.py) && \
	  $(CUDA)/bin/python $(PIP_INSTALL) "$$wheel" && \
	  $(CUDA)/bin/python $(PIP_INSTALL) --force-reinstall --no-deps "$$wheel"
	touch $@

# One driver for each set of sanitizers.
CUDA_DRIVER := $(CUDA)/driver-$(or $(SANITIZE),plain)

PTX_EXECUTOR := tests/cuda_emulator/ptx/operations.py $(wildcard tests/cuda_emulator/ptx/runtime/*)

$(CUDA_DRIVER)/libcuda.so.1: $(CUDA)/.ready $(wildcard tests/cuda_emulator/driver/*) $(PTX_EXECUTOR)
	GRAPHC_CUDA_SANITIZE=$(SANITIZE) $(CUDA)/bin/python tests/cuda_emulator/driver/build.py $(@D)

test-cuda: $(CUDA_DRIVER)/libcuda.so.1
	GRAPHC_CUDA_DRIVER=$< GRAPHC_CUDA_SANITIZE=$(SANITIZE) \
	  $(if $(PTX),GRAPHC_EMULATE=ptx GRAPHC_CUDA_CARDS=all) GRAPHC_CUDA_OVER=$(OVER) \
	  $(if $(SANITIZE),LD_PRELOAD="$(SANITIZER_LIBRARIES)") \
	  ASAN_OPTIONS=detect_leaks=0:halt_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  $(CUDA)/bin/python $(PYTEST) $(if $(SANITIZE),-s) tests/cuda_emulator \
	    $(if $(SANITIZE)$(PTX),,tests/parallel/nccl/test_training.py)

# PYTHON is the interpreter that runs this, or the version of another one that the kit is for; CUDA
# without a version is the environment of test-cuda.
KIT_PYTHON := $(filter 3.%,$(PYTHON))
KIT_CUDA := $(filter 12 12.% 13 13.%,$(CUDA))
KIT ?= build/gpu-kit

gpu-kit:
	$(if $(KIT_PYTHON),python3,$(PYTHON)) benchmarks/bring_up/kit.py --folder $(KIT) \
	  $(if $(KIT_PYTHON),--python $(KIT_PYTHON)) $(if $(KIT_CUDA),--cuda $(KIT_CUDA)) \
	  $(if $(NVCC),--nvcc) $(if $(SOURCE),--source)

rehearse-gpu: $(CUDA_DRIVER)/libcuda.so.1
	GRAPHC_CUDA_DRIVER=$< GRAPHC_REHEARSE=all $(CUDA)/bin/python -m pytest -q -n 0 \
	  tests/cuda_emulator/test_gpu_check.py

NAME ?=
SEED ?= 0
NUMBER ?=
SECONDS ?=
OPTIONS ?=
CAMPAIGN = $(BIN)/python -m tests.campaigns
CAMPAIGN_OPTIONS = --seed $(SEED) $(if $(NUMBER),--number $(NUMBER)) \
  $(if $(SECONDS),--seconds $(SECONDS)) $(OPTIONS)

campaign: $(VENV)/.test
ifeq ($(NAME),)
	$(BIN)/python $(PYTEST) tests/campaigns
	$(CAMPAIGN) --seed $(SEED)
else
	@failed=0; for name in $(NAME); do \
	  $(CAMPAIGN) $$name $(CAMPAIGN_OPTIONS) || failed=1; done; exit $$failed
endif

UNDER ?= graphc
mutants: $(VENV)/.test
	$(CAMPAIGN) mutants $(CAMPAIGN_OPTIONS) --under $(UNDER)

campaign-ranks: NUMBER := $(or $(NUMBER),50)
campaign-ranks: $(VENV)/.ranks
	$(CAMPAIGN) ranks $(CAMPAIGN_OPTIONS)

$(VENV)/.gate: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e '.[test,gate]'
	touch $@

nvcc-gate: $(VENV)/.gate
	$(BIN)/python -m tests.nvcc.gate $(if $(UPDATE),--update)

bench: $(VENV)/.demo
	@$(BIN)/graphc bench

peers: $(PEERS_VENV)/.ready
	$(PEERS_VENV)/bin/python -m benchmarks.peers $(PEERS)

forms: $(TORCH)/.ready
	$(TORCH)/bin/python -m benchmarks.forms $(FORMS)

architectures: $(TORCH)/.ready
	$(TORCH)/bin/python -m benchmarks.architectures $(ARCHITECTURES)

slow-kernels: $(VENV)/.dev
	$(VENV)/bin/python -m benchmarks.random_models --seed $(SEED) \
	  $(if $(SECONDS),--seconds $(SECONDS)) $(OPTIONS)

$(DOCS_VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python $(PIP_INSTALL) -e '.[docs]'
	touch $@

# The theme's line on releases to come is none of ours.
docs: $(DOCS_VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 0 tests/test_words.py

references-check: $(TORCH)/.ready
	$(TORCH)/bin/python tests/references/record.py --check

clean:
	rm -rf web/node_modules $(VENV) $(TORCH) $(CUDA) $(PEERS_VENV) $(DOCS_VENV) site build dist .pytest_cache .hypothesis .ruff_cache .mypy_cache
