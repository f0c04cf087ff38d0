# Every verb works from a bare checkout: bin/environment.py makes .venv on first use and keeps it at the lock files.

.DEFAULT_GOAL := help
.PHONY: help up test check demo chaos bench fmt lock clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUNTIME := $(PYTHON) bin/environment.py runtime
DEV := $(PYTHON) bin/environment.py dev

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# exec, so that a signal sent to make reaches the supervisor.
up: ## start everything on this machine; Ctrl-C stops it all
	@exec $(RUNTIME) manage.py up --with-parent

test: ## the whole suite: real Valkey, SQLite and PostgreSQL, a real browser
	@exec $(DEV) bin/suite.py

check: ## format, lint, types, floors, migrations, deployment settings, then the whole suite
	@exec $(DEV) bin/check.py

demo: ## the five-minute story in a browser of its own: its counters are assertions, its pictures the README's
	@STORY_PICTURES=docs/images exec $(DEV) -m pytest -q -s -p no:cacheprovider tests/flows/test_five_minute_story.py

SEEDS ?= 1-10
INTENTS ?= 500
SECONDS ?= 60
chaos: ## break everything at once, seed by seed: make chaos SEEDS=1-10 INTENTS=500 SECONDS=60
	@CHAOS_SEEDS=$(SEEDS) CHAOS_INTENTS=$(INTENTS) CHAOS_SECONDS=$(SECONDS) exec $(DEV) bin/suite.py -n 0 -s tests/flows/test_chaos.py

bench: ## measure, print a table, write benchmarks/results.json
	@exec $(DEV) -m benchmarks

fmt: ## format the code and mend what the linter can
	@$(DEV) -m ruff check --fix --quiet . ; exec $(DEV) -m ruff format .

lock: ## resolve requirements/*.in again and write the locks with hashes
	@exec $(DEV) bin/lock.py

clean: ## remove the environment and the caches; DATA_DIR stays
	rm -rf .venv .venv-aws benchmarks/.emulators .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
