# Everything runs in .venv, which is made on first use from the pinned requirements.

.DEFAULT_GOAL := help
.PHONY: help demo test lint check golden mailtools semantic words crash bench pins clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
MAIL_TOOLS := .npm-tools/.installed
BENCH_TOOLS := .npm-bench/.installed
MODEL := .model/model.onnx

# The first Python that runs, is new enough and can make a venv. Yours: make PYTHON=... demo
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$p && break; done)

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME)  ## collect, compose and send a first issue into demo/mail, offline
	$(BIN)/newsletter demo demo

# Most tests wait for sockets and processes more than they work: four at a time, file by file.
test: $(DEV)  ## run all tests; ARGS="-k name" goes to pytest
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(DEV)  ## style, types and the one-way rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint test  ## everything a change has to pass

golden: $(DEV)  ## rewrite the expected mails of tests/golden; look at the diff
	$(BIN)/python -m pytest tests/golden --golden-rewrite $(ARGS)

mailtools: $(MAIL_TOOLS)  ## install what judges mails in tests/mail, with npm and Node 20

semantic: $(MODEL)  ## install a small embedding model and what runs it, for tests/contract

$(MODEL): $(DEV)
	@$(PIP) install 'fastembed>=0.7'
	@$(BIN)/python tests/model.py .model

# Sorted, and without the header lines that change by themselves, so that a diff shows words alone.
words: $(DEV)  ## bring new English words of mails and pages into every translation
	$(BIN)/pybabel -q extract -F babel.cfg -k numbered:1,2 -k n:1,2 --no-location --sort-output \
		-o .words.pot .
	@for file in newsletter/translations/*.po; do \
		$(BIN)/pybabel -q update -i .words.pot -o $$file -l $$(basename $$file .po) \
			--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date -w 96; \
		grep -Ev '^"(Project|Report|POT|PO-Rev|Last-Tr|Language-T|Generated)[A-Za-z-]*: ' $$file \
			> .words.po; mv .words.po $$file; done
	@rm .words.pot

crash: $(DEV)  ## kill, freeze and cut off senders at random; ROUNDS=500 of each database
	MATRIX_ROUNDS=$(or $(MATRIX_ROUNDS),20) CRASH_ROUNDS=$(or $(ROUNDS),500) \
		$(BIN)/python -m pytest tests/crash $(ARGS)

bench: $(DEV) $(if $(shell command -v npm),$(BENCH_TOOLS))  ## measure digests beside other programs; ARGS="--readers 100000" goes to the first part
	@rm -f .bench/results.jsonl
	$(BIN)/python -m benchmarks.digests --dkim ed25519 --results .bench/results.jsonl $(ARGS)
	$(if $(shell command -v cc),$(BIN)/python -m benchmarks.digests --quick-sink --readers 20000 \
		--results .bench/results.jsonl)
	$(BIN)/python -m benchmarks.build --results .bench/results.jsonl
	$(BIN)/python -m benchmarks.ledger --results .bench/results.jsonl
	$(BIN)/python -m benchmarks.send --results .bench/results.jsonl
	$(BIN)/python -m benchmarks.imports
	$(BIN)/python -m benchmarks.dkim
	@echo 'To write this into docs/performance.md: python -m benchmarks.report .bench/results.jsonl'

# Hashes are the index's own, whatever wheels this machine has lying about.
COMPILE := env -u PIP_FIND_LINKS CUSTOM_COMPILE_COMMAND="make pins" $(BIN)/pip-compile --quiet \
	--generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --no-emit-options $(ARGS)

pins: $(DEV)  ## resolve the requirements anew; ARGS=--upgrade takes the newest
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo 'Pins are made on Python 3.11, the oldest, which needs the most.' >&2; exit 1; }
	$(COMPILE) --build-deps-for editable -o requirements.txt pyproject.toml
	$(COMPILE) --all-build-deps --allow-unsafe --extra postgres --extra dev \
		-c requirements.txt -o requirements-dev.txt pyproject.toml

clean:  ## remove what make made
	rm -rf $(VENV) .npm-tools .npm-bench .bench .model demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.txt pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { echo 'Python 3.11 or newer, with venv, is needed.' >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Installing what it runs on into $(VENV) ...'
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@echo 'Installing what its tests need into $(VENV) ...'
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(MAIL_TOOLS): tests/mail/package.json tests/mail/package-lock.json
	@echo 'Installing what judges mails into .npm-tools ...'
	@mkdir -p .npm-tools && cp tests/mail/package.json tests/mail/package-lock.json .npm-tools
	@cd .npm-tools && PUPPETEER_SKIP_DOWNLOAD=1 \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BENCH_TOOLS): benchmarks/node/package.json benchmarks/node/package-lock.json
	@echo 'Installing nodemailer and Handlebars, to measure beside, into .npm-bench ...'
	@mkdir -p .npm-bench && cp benchmarks/node/package.json benchmarks/node/package-lock.json .npm-bench
	@cd .npm-bench && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
