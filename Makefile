# What each target does: `make help`.
.DEFAULT_GOAL := help
.PHONY: help demo test check fix wheel screenshots clean
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/ready
# Two workers: the suite spends its time in numpy and numba, one thread each.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile
export PYTHON

$(READY): pyproject.toml scripts/setup.sh
	scripts/setup.sh
	touch $@

help:
	@echo "make demo   run the main job on a recording shipped in recordings/"
	@echo "make test   the whole test suite"
	@echo "make check  format, lint, types, import contracts, tests, wheel"
	@echo "make fix    format and repair what the linter can"
	@echo "make wheel  build dist/*.whl and check what is in it"
	@echo "make screenshots  pictures of the window, into docs/screenshots/"
	@echo "make clean  remove everything made"

demo: $(READY)
	scripts/demo.sh

test: $(READY)
	$(PYTEST)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)
	$(MAKE) wheel

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(READY)
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .
	$(BIN)/check-wheel-contents dist

screenshots: $(READY)
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf dist build out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
