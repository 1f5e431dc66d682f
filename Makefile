# Everything a visitor and a developer type. Paths are relative, so the checkout may lie anywhere.

PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
WORKERS ?= auto
STEP = @printf '\n== %s\n'
# What one Python compiled the next one finds, even where the environment wants none beside the sources.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/.venv/bytecode

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo serve test check lint prove bench schema lock

help: ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /:/' | awk -F: '{printf "  make %-8s %s\n", $$1, $$2}'

setup: ## prepare .venv (every other target does it by itself)
	@$(PYTHON) bootstrap.py

demo: setup ## one borrower's life with a private database, then a service to try (ARGS="--port 8000")
	@exec $(BIN)/refi demo $(ARGS)

serve: setup ## the API alone, on the database of REFI_DATABASE_URL
	@exec $(BIN)/refi serve $(ARGS)

lint: setup ## style and layout of the code
	$(STEP) 'ruff check'
	@$(BIN)/ruff check .
	$(STEP) 'ruff format'
	@$(BIN)/ruff format --check .

static: lint
	$(STEP) 'mypy --strict'
	@$(RUN) mypy
	$(STEP) 'import contracts'
	@$(BIN)/lint-imports --no-logo 2>&1

check: static ## what needs no database: style, types, layers, architecture
	$(STEP) 'architecture'
	@$(RUN) pytest -q -p no:randomly tests/test_architecture.py

test: static ## check, then every test (ARGS="-k loans" narrows, WORKERS=2 limits)
	$(STEP) 'pytest'
	@$(RUN) pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

# "make prove", "make prove NAME=kill_9" and "make prove kill_9" are all understood.
ifeq (prove,$(firstword $(MAKECMDGOALS)))
NAME ?= $(word 2,$(MAKECMDGOALS))
$(foreach goal,$(wordlist 2,9,$(MAKECMDGOALS)),$(eval $(goal):;@:))
endif

prove: setup ## the long proofs at full size, one (NAME=…) or all; writes docs/proofs/NAME.json
	@$(RUN) pytest -v -p no:randomly --prove '$(or $(NAME),all)' -o faulthandler_timeout=0 $(ARGS)

bench: setup ## the yardsticks side by side (NAME=… for one of benchmarks/)
	@$(RUN) benchmarks $(NAME)

schema: setup ## write docs/reference/schema.txt anew after a migration
	@$(RUN) pytest -q -p no:randomly --write-schema tests/db/test_migrations.py

lock: setup ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--group dev pyproject.toml --output-file requirements.lock $(ARGS)
