# What CI calls is what a person calls.

PYTHON ?= python3
WORKERS ?= 2
BULKHEAD := .venv/bin/bulkhead

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Python packages and tools; about half an hour the first time, then under 3 seconds
	@$(PYTHON) sandbox/toolbox/bootstrap.py
	@$(BULKHEAD) tools install

demo: setup ## KeyBuzz DEV and PROD, applied for real on this machine
	@$(BULKHEAD) demo

test: setup lint ## Every test, file by file on two sandboxes of their own; WORKERS=0 runs them in one row
	@.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: setup ## Style and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/basedpyright

bench: setup ## Figures, as a table and as JSON
	@.venv/bin/python -m benchmarks
