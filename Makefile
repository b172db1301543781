# Everything installs itself: python3 and make are all a fresh machine needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install dev demo test soak lint types catalogue results docs clean

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: .venv/.installed  ## create .venv with lightning_imb in it
dev: .venv/.installed-dev  ## the same with everything that tests need

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(PIP) -e .
	@touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ .venv/.installed

demo: install  ## train digits with and without EOS, five seeds, and compare
	$(BIN)/imb-train -m sweep=demo hydra.sweep.dir=logs/demo
	$(BIN)/imb-report sweep=logs/demo

test: dev  ## run the whole test suite
	$(BIN)/python -m pytest -n auto --dist worksteal

soak: dev  ## kill training runs 240 times, also at every step of their files, and compare the results
	IMB_KILLS=240 $(BIN)/python -m pytest tests/integration/test_kills.py -s

lint: dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev  ## mypy, strict
	$(BIN)/mypy

catalogue: install  ## write the README's table of methods anew, from the headers in conf/
	$(BIN)/python -m lightning_imb.utils.catalogue README.md

results: install  ## write the tables of results/ into README and docs anew
	$(BIN)/python -m lightning_imb.reports.kept.documents results README.md docs/results.md docs/findings.md

docs: dev  ## build the documentation site into site/, without network
	PATH="$(CURDIR)/$(BIN):$$PATH" NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment and all caches; runs under logs/ stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
