PYTHON ?= python3
MAKEFLAGS += --no-print-directory

.PHONY: demo test docs clean

demo: .venv-demo/ready ## base install only, no torch: upscale the example images to out/
	.venv-demo/bin/kukkiri upscale examples/images --output out --scale 3 --overwrite

test: .venv/ready ## development install, then every check
	.venv/bin/python -m pip install --quiet --no-deps --force-reinstall .
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest tests/test_layers.py
	.venv/bin/python -m pytest --cov --cov-report=term

docs: .venv/ready ## the documentation site in site/, built strictly
	.venv/bin/python -m pip install --quiet --no-deps --force-reinstall .
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build

.venv-demo/ready: pyproject.toml constraints.txt $(shell find src -type f -not -path '*/__pycache__/*')
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python -m pip install --quiet --constraint constraints.txt .
	touch $@

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --constraint constraints.txt '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-demo out dist build site
