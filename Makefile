# Signalbox. `make` alone lists what there is.

PYTHON ?= python3
VENV := .venv
TOOL := .venv-tool
PY := $(VENV)/bin/python
UV_VERSION := 0.13.8
PIP := $(PY) -m pip --disable-pip-version-check -q
TESTS ?= tests
# Tests wait for a third of their time: three processes keep two cores busy.
WORKERS ?= 3
KILLS ?= 200
SEED ?= 1
JOBS ?= 2
EXAMPLES ?= 50
# What tests write goes with them: where memory has room for it, nobody waits for a disk.
IN_MEMORY = $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "TMPDIR=/dev/shm" }')

.DEFAULT_GOAL := help
.PHONY: help install install-dev install-keyring install-parquet run screen screen-check dev api worker paper-exchange test test-databases test-unit e2e check fmt lint \
        types migrate upgrade demo bench bugs crash fuzz requirements clean venv-by-pip

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.stamp-install  ## make .venv and install what runs

install-dev: $(VENV)/.stamp-install-dev  ## … and what tests, lints and types

install-keyring: install  ## … and what SECRET_KEY_KEYRING needs
	$(call install_from,requirements-keyring.txt)

install-parquet: install  ## … and what candles as Parquet need
	$(call install_from,requirements-parquet.txt)

run: install  ## start everything in one process on 127.0.0.1:8000, the screen under /app
	@$(PY) -m scripts.screen build --if-possible
	@$(PY) run.py

screen: install  ## build the trader's screen into frontend/dist, if its sources have changed
	@$(PY) -m scripts.screen build

dev: install  ## serve the screen as it is edited, beside a server that runs (on 127.0.0.1:5173)
	@$(PY) -m scripts.screen dev

api: install  ## start only the HTTP API
	@$(PY) run.py api

worker: install  ## start only the worker
	@$(PY) run.py worker

paper-exchange: install  ## start only the paper exchange
	@$(PY) run.py paper-exchange

test: install-dev  ## run every test, on the databases in turns (TESTS=tests/unit/… for some)
	@$(PY) -m scripts.screen test --if-possible
	@$(PY) -m scripts.screen build --if-possible
	@$(IN_MEMORY) $(PY) -m pytest -q -n $(WORKERS) --dist worksteal $(TESTS)

test-databases: install-dev  ## run every test on every database
	@$(IN_MEMORY) $(PY) -m pytest -q -n $(WORKERS) --dist worksteal --every-database $(TESTS)

test-unit: install-dev  ## run the tests that touch nothing outside the process
	@$(PY) -m pytest -q tests/unit

e2e: install-dev  ## run the stories through a running app
	@$(PY) -m pytest -q tests/e2e

check: install-dev  ## format, lint, contracts and types, without tests
	@$(VENV)/bin/ruff format --check --quiet . || { echo "run: make fmt"; exit 1; }
	@$(MAKE) --no-print-directory lint types screen-check

screen-check: install-dev  ## the screen: its types against the API as it is, and lint
	@$(PY) -m scripts.screen check

fmt: install-dev  ## format the code and mend what ruff can mend
	@$(VENV)/bin/ruff check --fix --quiet . || true
	@$(VENV)/bin/ruff format .

lint: install-dev  ## ruff, import contracts and house rules
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/lint-imports --no-cache
	@$(PY) scripts/check_rules.py

types: install-dev  ## mypy, strict
	@$(VENV)/bin/mypy app tests scripts

migrate: install-dev  ## write a migration from the models: make migrate m="add notes"
	@test -n "$(m)" || { echo 'say what changes: make migrate m="add notes"'; exit 2; }
	@$(VENV)/bin/alembic revision --autogenerate -m "$(m)"

upgrade: install  ## bring the database to the newest schema
	@$(VENV)/bin/alembic upgrade head

demo: install  ## play the whole story against the running server
	@$(PY) -m app demo

bench: install-dev  ## measure alert to order, durable ingest, backtests and candles, as ratios
	@$(PY) -m scripts.bench

bugs: install-dev  ## plant bugs that cost money, one at a time, and see that tests catch each (JOBS=)
	@$(PY) -m scripts.planted_bugs --jobs $(JOBS)

crash: install-dev  ## kill the server KILLS=200 times, check what must hold (SEED= JOBS= RESUME=1 STORY=file)
	@$(PY) -m tests.crash --kills $(KILLS) --seed $(SEED) --jobs $(JOBS) \
	  $(if $(RESUME),--resume) $(if $(STORY),--story $(STORY))

fuzz: install-dev  ## send EXAMPLES=50 made-up requests to each route as each kind of caller (SEED=)
	@$(PY) -m tests.fuzz --examples $(EXAMPLES) --seed $(SEED)

requirements: install-dev  ## compile the pinned requirements anew from the .in files
	@$(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes requirements.in -o requirements.txt
	@$(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes requirements-dev.in -o requirements-dev.txt
	@$(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes requirements-keyring.in -o requirements-keyring.txt
	@$(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes requirements-parquet.in -o requirements-parquet.txt
	@$(VENV)/bin/uv pip compile -q --python-version 3.11 --generate-hashes requirements-node.in -o requirements-node.txt

clean:  ## remove .venv and caches; data/ and logs/ stay
	@rm -rf frontend/dist frontend/node_modules .node
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Signalbox needs Python 3.11 or newer; $(PYTHON) was not found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Signalbox needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(MAKE) --no-print-directory -s venv-by-pip

# Debian ships python3 without venv: where there is pip, virtualenv does the same.
venv-by-pip:
	@rm -rf $(VENV) $(TOOL) && mkdir -p $(TOOL)
	@$(PYTHON) -m pip install -q --disable-pip-version-check --target $(TOOL) virtualenv && \
	  PYTHONPATH=$(TOOL) $(PYTHON) -m virtualenv -q $(VENV) || \
	  { rm -rf $(VENV) $(TOOL); echo "Python cannot make environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@rm -rf $(TOOL)

# uv takes seconds where pip takes minutes; where uv has no wheel, pip does it.
define install_from
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip --upgrade >/dev/null
	@test -x $(VENV)/bin/uv || $(PIP) install uv==$(UV_VERSION) || echo "no uv here: pip is slower but does"
	@echo "installing $(1)"
	@{ test -x $(VENV)/bin/uv && $(VENV)/bin/uv pip install -q --system-certs --python $(PY) --require-hashes -r $(1); } || \
	  $(PIP) install --require-hashes -r $(1)
endef

$(VENV)/.stamp-install: requirements.txt | $(VENV)/bin/python
	$(call install_from,requirements.txt)
	@touch $@

$(VENV)/.stamp-install-dev: requirements-dev.txt $(VENV)/.stamp-install
	$(call install_from,requirements-dev.txt)
	@touch $@
