# Two commands matter: `make demo` and `make test`. Each does its own set-up.

# The first Python that is new enough and can make virtual environments. A command that exists may
# still refuse to run (version managers leave such shims), so each is asked.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	>/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"
# The tests wait for sockets and processes more than they compute: every logical core gets a worker,
# and one that is done takes over from one that is not.
PYTEST := python -m pytest -n logical --dist worksteal -m "not bench and not hardware"
REQUIREMENTS := tests/requirements.txt tests/second-opinion.txt

# $(call install,environment,requirements): both with hashes. cwt, our second opinion on signatures,
# wants an older cbor2 than we do, so it gets a folder of its own.
install = $(1)/bin/$(PIP) install -qq --require-hashes -r $(2) \
	&& $(1)/bin/$(PIP) install -qq --require-hashes --no-deps --upgrade --target $(1)/second-opinion \
	-r tests/second-opinion.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format lock bench bench-accuracy deb test-agent-alone dev system

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: dev ## a company in a minute: devices, clock-ins, verdicts; EXIT=1 ends by itself
	@$(BIN)/zaigang-collector demo $(if $(EXIT),--exit)

test: system dev ## the whole suite, in parallel; T=path narrows it
	@$(BIN)/$(PYTEST) $(T)

check: lint test ## all that CI runs: format, lint, types, import contracts, tests

lint: dev ## format check, lint, strict types, import contracts
	@$(BIN)/ruff format --check --quiet || { echo "run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: dev ## rewrite in place what a machine can put right
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: system dev ## measure; prints numbers, judges nothing
	@$(BIN)/python -m pytest -q -s -m bench tests/bench

bench-accuracy: dev ## judge 30,000 simulated intervals and write docs/accuracy.md; most of an hour
	@$(BIN)/python -m tests.bench.bench_accuracy $(ARGS)

deb: dev ## Debian packages of both sides into dist/; DEB_PYTHON=3.11 DEB_ARCH=amd64 name the target
	@systemd/debian/build $(BIN)/python dist agent
	@systemd/debian/build $(BIN)/python dist collector

dev: $(BIN)/.stamp ## make .venv from the pinned requirements, with this checkout editable

$(BIN)/.stamp: $(REQUIREMENTS) pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed:" \
		"on Debian or Ubuntu, apt install python3 python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@$(call install,$(VENV),tests/requirements.txt)
	@$(BIN)/$(PIP) install -qq --no-deps --no-build-isolation -e .
	@touch $@

system: ## install the system packages that the tests need, or say which
	@tests/system-packages.sh

lock: dev ## pin anew what agent, collector and tests need; UPGRADE=--upgrade takes newer versions
	@$(BIN)/$(PIP) install -qq uv
	$(COMPILE) $(UPGRADE) pyproject.toml --extra agent -o agent/requirements.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra collector --extra postgresql \
		-o collector/requirements.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra agent --extra collector --extra postgresql \
		--group dev -o tests/requirements.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra agent --group test -o tests/agent-alone.txt
	$(COMPILE) $(UPGRADE) --no-deps tests/second-opinion.in -o tests/second-opinion.txt

test-agent-alone: system .venv-agent/.stamp ## the agent's tests where nothing of the collector is installed
	@.venv-agent/bin/$(PYTEST) tests/shared tests/agent

.venv-agent/.stamp: tests/agent-alone.txt tests/second-opinion.txt
	@echo "setting up .venv-agent (once)"
	@$(PYTHON) -m venv --clear .venv-agent
	@$(call install,.venv-agent,tests/agent-alone.txt)
	@touch $@
