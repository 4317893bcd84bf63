# Patchbay: every target sets itself up. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
TICKETS ?= 500

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: setup
setup: .venv/.ready ## Make the environment (.venv/bin/patchbay) with only python3 and make at hand

.venv/.ready: pyproject.toml requirements.lock deploy/local/setup.sh
	@PYTHON=$(PYTHON) bash deploy/local/setup.sh

.PHONY: run
run: setup ## Run everything embedded on 127.0.0.1:8080, with an example team on the first start
	@$(BIN)/patchbay serve --example

.PHONY: demo
demo: setup ## Carry real incidents through the whole pipeline (TICKETS=500)
	@$(BIN)/patchbay demo --tickets $(TICKETS)

.PHONY: test
test: setup ## Run every test, on both modes; starts its own PostgreSQL and RabbitMQ
	@$(BIN)/python -m deploy.local packages --browser --node --mail-reader --promtool
	@$(BIN)/pytest -n 3 --dist loadgroup

.PHONY: check
check: setup ## Format, lint, types, imports, and what is known against locked packages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m deploy.build.audit

.PHONY: audit
audit: setup ## Ask whether locked packages have known vulnerabilities; fails also if nobody answers
	@$(BIN)/python -m deploy.build.audit --strict

.PHONY: sbom
sbom: setup ## Write the bill of materials of each image (CycloneDX) below var/sbom
	@$(BIN)/python -m deploy.build.sbom

.PHONY: image-check
image-check: setup ## Do the Dockerfile's steps without Docker and start the outcome (root; needs debootstrap)
	@$(BIN)/python -m tests.deploy.build_in_root var/image-check/root

.PHONY: fmt
fmt: setup ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix -q . || true
	@$(BIN)/ruff format .

ROUNDS ?= 3
ifndef SEED
SEED := $(shell date +%s)
endif

.PHONY: faults
faults: setup ## Run the fault suite in its long form; the table is in var/faults (ROUNDS=3 SEED=…)
	@echo "seed $(SEED), $(ROUNDS) rounds"
	@$(BIN)/python -m deploy.local packages
	@$(BIN)/pytest tests/faults tests/integration/test_any_order.py -n 2 --dist loadgroup \
		--rounds $(ROUNDS) --randomly-seed=$(SEED) --hypothesis-profile=thorough

CASES ?= 2000

.PHONY: api-check
api-check: setup ## Examine the API by schemathesis, so many requests for each group (CASES=2000)
	@$(BIN)/python -m deploy.local packages
	@$(BIN)/pytest tests/api -n 2 --dist load --api-cases $(CASES)

.PHONY: bench
bench: setup ## Measure against baselines in the same run; writes var/bench/latest.json
	@$(BIN)/python -m deploy.local packages
	@$(BIN)/python -m tests.bench

MINUTES ?= 30

.PHONY: soak
soak: setup ## Half of the maximum rate for long: is memory flat, is anything lost? (MINUTES=30)
	@$(BIN)/python -m deploy.local packages
	@$(BIN)/python -m tests.bench.soak --minutes $(MINUTES)

.PHONY: servers
servers: setup ## Start a private PostgreSQL and RabbitMQ under var/servers and print their URLs
	@$(BIN)/python -m deploy.local packages
	@$(BIN)/python -m deploy.local up

.PHONY: up
up: setup ## Start the servers and every service (distributed mode on this machine)
	@$(BIN)/python -m deploy.local packages
	@$(BIN)/python -m deploy.local up --services

.PHONY: down
down: setup ## Stop what `make up` and `make servers` started, and nothing else
	@$(BIN)/python -m deploy.local down

.PHONY: migrate
migrate: setup ## Bring the database's schema up to date
	@$(BIN)/patchbay migrate

.PHONY: lock
lock: setup ## Resolve the dependencies anew into requirements.lock
	@$(BIN)/uv pip compile -q pyproject.toml --all-extras --group dev --group test --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
