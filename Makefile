# make demo | make test | make lint | make bench; each installs what it needs into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := handbench synth loaders metrics baselines leaderboard tests tools benchmarks examples
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint bench soak install install-dev system clean

demo: install
	$(BIN)/handbench demo

test: install-dev lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak"

soak: install-dev
	$(BIN)/python -m pytest -m soak

lint: install-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/python tools/typecheck.py

bench: install-dev
	$(BIN)/python benchmarks/synth.py

system:
	@sh tools/system_libraries.sh

install: system $(VENV)/.installed
install-dev: system $(VENV)/.installed-dev

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "handbench needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

# pyrender 0.1.45 pins PyOpenGL 3.1.0, which is slower and fails on Python 3.12: lift it after the install.
$(VENV)/.installed: setup.cfg constraints.txt | $(BIN)/python
	$(PIP) install -qq -c constraints.txt "setuptools>=75" wheel
	$(PIP) install -qq -c constraints.txt -e .
	$(PIP) install -qq --no-deps PyOpenGL==3.1.10
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install -qq -c constraints.txt -e ".[dev]" 
	$(PIP) install -qq --no-deps PyOpenGL==3.1.10
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
