PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
# Test processes: as many as CPU cores. A file's tests stay in one process, where they share what they prepare
WORKERS ?= auto
PYTEST = -m pytest --numprocesses $(WORKERS) --dist loadfile
MAKEFLAGS += --no-print-directory
INSTALL = -m pip install --quiet $(addprefix --constraint ,$(CONSTRAINTS))
REINSTALL = -m pip install --quiet --no-deps --force-reinstall .
# What NumPy, its BLAS, torch, oneDNN and MKL may use of the CPU; ONNX Runtime and libvips have no such switch
AVX2 = NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR" OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2 \
	ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2
SSE = NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR" OPENBLAS_CORETYPE=Nehalem \
	ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE

.NOTPARALLEL:
.PHONY: demo test lint types unit base avx2 sse nightly docs installed clean

demo: .venv-demo/ready ## base install only, no torch: upscale the example images to out/
	.venv-demo/bin/kukkiri upscale examples/images --output out --scale 3 --overwrite

test: lint types unit ## the gate: a development environment from nothing, then every check

lint: .venv/ready ## ruff, rules and format
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/ready ## mypy, strict
	.venv/bin/mypy

unit: installed ## the layer test, then every test with coverage
	.venv/bin/python -m pytest tests/test_layers.py
	.venv/bin/python $(PYTEST) --cov --cov-report=term

base: .venv-base/ready ## the tests of the torch-free half in an environment without torch
	.venv-base/bin/python $(REINSTALL)
	.venv-base/bin/python $(PYTEST)

avx2: installed ## every test as on a CPU without AVX-512
	$(AVX2) .venv/bin/python $(PYTEST)

sse: installed ## every test as on a CPU without AVX
	$(SSE) .venv/bin/python $(PYTEST)

nightly: installed ## every test, also those marked nightly; the property tests with new examples
	HYPOTHESIS_PROFILE=search .venv/bin/python $(PYTEST) -m ""

docs: installed ## the documentation site in site/, built strictly
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build

installed: .venv/ready
	.venv/bin/python $(REINSTALL)

.venv-demo/ready: pyproject.toml $(CONSTRAINTS) $(shell find src -type f -not -path '*/__pycache__/*')
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python $(INSTALL) .
	touch $@

.venv-base/ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv-base
	.venv-base/bin/python $(INSTALL) '.[test]'
	touch $@

.venv/ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv
	.venv/bin/python $(INSTALL) '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-base .venv-demo out dist build site
