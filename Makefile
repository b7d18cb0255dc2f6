# make demo            set up .venv and train on handwritten digits; the last line is the accuracy
# make test            set up .venv and run the tests
# make bench           where a training step's time goes, node by node
# make lint            ruff, and the floors of the package (import-linter)
# make references-check  record the PyTorch references again and compare (its own .venv-torch)
# make clean           remove both environments and everything that was built
#
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := .venv-torch
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# "Leaving directory" would follow the demo's last line when make runs inside of make.
MAKEFLAGS += --no-print-directory

.PHONY: demo test bench lint references-check clean

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

# A range, not one release: the recordings name the version that made them.
$(TORCH)/.ready: Makefile
	$(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/python $(PIP_INSTALL) 'torch>=2.6' 'numpy>=2'
	touch $@

demo: $(VENV)/.demo
	@$(BIN)/graphc demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -q

bench: $(VENV)/.demo
	@$(BIN)/graphc bench

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/lint-imports

references-check: $(TORCH)/.ready
	$(TORCH)/bin/python tests/references/record.py --check

clean:
	rm -rf $(VENV) $(TORCH) build dist .pytest_cache .hypothesis .ruff_cache .mypy_cache
