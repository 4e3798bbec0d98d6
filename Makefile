# Two commands for a newcomer: `make quickstart` and `make test`. Both set up .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
EXTRAS := --extra torch --extra store --extra sign --extra test --extra build

# The pipeline's stages call `models`, so the environment's commands come first on PATH.
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install quickstart test benchmarks faults hostile lint lock clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed ## Make the virtual environment and install what the lock names

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@# The lock names everything: pip, asked to look beyond it, takes the newest pydantic for pydantic[email]
	@# and then misses its hash.
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

quickstart: install ## Run the main job on the real UVDoc model
	@bash scripts/quickstart.sh

test: install lint ## Run every check and test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

benchmarks: install ## Measure this project beside its peers (tests/benchmarks)
	PYTHONPATH=tests:scripts $(BIN)/python -m benchmarks $(ROWS) --rounds $(or $(ROUNDS),3) \
		--output $(or $(RESULTS),tests/benchmarks/RESULTS.md)

faults: install ## Kill, cut off and misserve what can be, and print what it ended in (KILLS=200: the long form)
	$(BIN)/python tests/faults $(if $(KILLS),--kills $(KILLS))

hostile: install ## Scan every hostile fixture: how many are refused, how many ran
	$(BIN)/python tests/hostile.py

lint: install
	$(BIN)/ruff check scripts tests examples integrations
	$(BIN)/ruff format --check scripts tests examples integrations
	$(BIN)/mypy

lock: ## Resolve the bounds in pyproject.toml to exact versions with hashes (needs uv)
	uv pip compile pyproject.toml $(EXTRAS) --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet \
		--output-file requirements.lock
	uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet \
		--constraint requirements.lock --output-file requirements-base.lock

clean: ## Remove the virtual environment and what tests and the quickstart left
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
