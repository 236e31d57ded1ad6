# The verbs of this project; `make` alone prints them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COMPILED := $(VENV)/.compiled
# Two more than there are cores, for many tests wait for a homeserver, a database or a browser.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)

.DEFAULT_GOAL := help
.PHONY: help demo test check faults bench screenshots format lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Run a living sample branch: homeserver, bot, console and members (ARGS="--reset" starts anew)
	@exec $(BIN)/zhibu demo $(ARGS)

test: $(READY) $(COMPILED) ## Run the whole suite (ARGS="-k word" runs a part of it)
	@$(BIN)/python -m tests.machine
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(READY) ## Run only the quick checks: contracts, lint, types, captions, catalogues
	@$(BIN)/python -m pytest tests/house $(ARGS)

faults: $(READY) ## Try the promises at full length, by kills and power cuts (ARGS="--only R3 --runs 50 --seed 7")
	@$(BIN)/python -m tests.faults $(ARGS)

bench: $(READY) .bench/.ready ## Measure our speed beside other bots (ARGS="--quick" for a first look, "--only stub" for a part)
	@$(BIN)/python -m bench $(ARGS)

screenshots: $(READY) ## Take a picture of every page, wide and narrow, light and dark, in both languages, into screenshots/; ARGS=--guide for those of the guide too
	@$(BIN)/python -m tests.screenshots $(ARGS)

format: $(READY) ## Put every file into the house's form, and the README's map too
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/python -m tests.house.readme_map

lock: $(READY) ## Resolve the newest dependencies into requirements.lock
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --upgrade --no-header --no-annotate \
		pyproject.toml -o requirements.lock
	@echo pip | $(BIN)/uv pip compile --quiet --generate-hashes --upgrade --no-header --no-annotate - -o pip.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --no-header --no-annotate \
		bench/requirements.in -o bench/requirements.lock

clean: ## Remove the environment and the sample branch's data
	rm -rf $(VENV) .demo .bench

# A pip of today needs half the time of the one that Python brings, and modules are compiled when they are first used.
$(READY): requirements.lock pip.lock pyproject.toml
	@echo "Preparing $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Zhibu needs Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r pip.lock || echo "Going on with the pip at hand"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# All at once every worker would compile every module; two halves take half of that, once.
$(COMPILED): $(READY)
	@$(BIN)/python -m pytest --collect-only -qq tests/console tests/content tests/house >/dev/null & \
		$(BIN)/python -m pytest --collect-only -qq --ignore=tests/console --ignore=tests/content --ignore=tests/house >/dev/null; wait
	@touch $@

.bench/.ready: bench/requirements.lock bench/package-lock.json
	@echo "Preparing .bench, the other bots' environment ..."
	@mkdir -p .bench/node
	@$(PYTHON) -m venv .bench/venv
	@.bench/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.lock
	@cp bench/package.json bench/package-lock.json .bench/node/
	@! command -v npm >/dev/null || npm ci --prefix .bench/node --ignore-scripts --no-audit --no-fund --silent \
		|| echo "npm could not install matrix-bot-sdk; it is left out"
	@touch $@
