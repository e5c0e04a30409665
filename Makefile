# packaging/bootstrap.py does everything and also works without make (see README).
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py

.PHONY: run demo test fuzz crash bench screenshots setup clean

run:
	@$(BOOTSTRAP) run

demo:
	@$(BOOTSTRAP) demo

test:
	@$(BOOTSTRAP) test

# Odd files for every reader, for as long as MINUTES says.
MINUTES ?= 20
fuzz:
	@$(BOOTSTRAP) fuzz --minutes $(MINUTES)

# Every writing operation killed at each step on the disk, or RANDOM kills of real processes.
RANDOM ?= 0
crash:
	@$(BOOTSTRAP) crash --random $(RANDOM)

bench:
	@$(BOOTSTRAP) bench

screenshots:
	@$(BOOTSTRAP) screenshots

setup:
	@$(BOOTSTRAP) setup

# Removes what the targets above created in this folder, but no models, library or settings.
clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -rf screenshots-failed fuzz-findings benchmarks.json
	find studio tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +
