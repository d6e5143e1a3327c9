# make lab opens the course, make test tests it. Everything they install stays in this folder.

PYTHON ?= python3
BIN := .venv/bin
COLAB := .venv-colab/bin
CUDA := .venv-cuda/bin
# A file's tests, a notebook's cells and what is tested of one lesson stay together, on one of two workers.
PYTEST := -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder
# A person sees pip's progress; a log sees only what fails.
PIP_INSTALL := -m pip install --disable-pip-version-check $(if $(CI),--quiet)
# The newest PyTorch when this was written, as pip brings it: for GPUs.
CUDA_TORCH := torch==2.14.1
CPU_INDEX := https://download.pytorch.org/whl/cpu
NVIDIA := $(wildcard /proc/driver/nvidia)$(shell command -v nvidia-smi)

# What another environment or pip's configuration has set must not reach into this one; without assertions
# (PYTHONOPTIMIZE) every test would pass.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONWARNINGS PYTHONINSPECT
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_DRY_RUN PIP_NO_DEPS
export PIP_USER = 0
# Else the debugger in older kernels warns about Python's frozen modules.
export PYDEVD_DISABLE_FILE_VALIDATION = 1
# Read by the shell, so that a quote or a space in them does no harm.
export PYTHON REPO REF LESSON

.NOTPARALLEL:
.PHONY: help lab test test-all test-style test-course test-editions test-browser test-kernels test-cuda-build test-gpu bench \
  record notebooks evidence colab instructor handout web clean

help:
	@echo "make lab         open the course in JupyterLab; installs what is missing (TORCH=cpu: PyTorch without GPUs)"
	@echo "make test        run the tests; make test-all: also Colab's versions, browser, kernels, PyTorch for GPUs"
	@echo "make test-gpu    run what needs a GPU;  make bench: measure what has to be quick"
	@echo "make record      both on a GPU, and every kernel beside its peers, into one file (OUT=recording.json)"
	@echo "make notebooks   execute the lessons and store their outputs (REFRESH=1: timings too)"
	@echo "make evidence    compute every verdict anew, and train what no result is stored of (LESSON=05: one lesson)"
	@echo "make colab       write the lessons for Google Colab (REPO=owner/name REF=tag: with badges) into dist/"
	@echo "make instructor  write the lessons solved, with notes;  make handout: without solutions"
	@echo "make web         write the lessons as pages that a browser opens by a double click"
	@echo "make clean       remove the environments; your copies in work/ stay"
	@echo "With another Python (3.11, 3.12 or 3.13): make clean, then make lab PYTHON=python3.12"

lab: .venv/lab
	@$(BIN)/python -m course lab

test: test-style test-course

test-all: test test-editions test-browser test-kernels test-cuda-build

test-style: .venv/test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -c 'from importlinter.cli import lint_imports_command as run; run()' --no-cache --no-logo

# The time limit ends a cell that hangs.
test-course: .venv/test
	$(BIN)/python $(PYTEST) -m "not test_all and not gpu" --nbval --nbval-current-env --nbval-cell-timeout=300 \
	  tests helpers course notebooks

# Colab's edition with Colab's versions: outputs, controls, memory. The instructor's: every solution right.
test-editions: .venv/test .venv-colab/test
	$(BIN)/python $(PYTEST) -m test_all tests/course

test-browser: .venv/test
	$(BIN)/python $(PYTEST) -m test_all tests/browser

# In Triton's interpreter, which has to be chosen before Triton is imported; then compiled for GPUs that are not here.
test-kernels: .venv/test
	TRITON_INTERPRET=1 CUDA_VISIBLE_DEVICES= $(BIN)/python $(PYTEST) --dist load -k test_kernel_ tests/helpers
	$(BIN)/python $(PYTEST) --dist load -m test_all tests/helpers

# The helpers with a PyTorch for GPUs, on whatever is here: such a build may see the memory of a CPU otherwise. It is 5.5 GB
# to install, so .ci/run leaves it out.
test-cuda-build: .venv-cuda/test
	$(CUDA)/python -c 'import torch; assert torch.version.cuda, "this PyTorch is not built for GPUs"'
	$(CUDA)/python $(PYTEST) -m "not test_all and not gpu" tests/helpers

# The kernels with PyTorch and pytest alone; the lessons where there is what runs a notebook, too.
ANY_PYTHON = $(if $(wildcard $(BIN)/python),$(BIN)/python,"$$PYTHON")
test-gpu:
	$(ANY_PYTHON) tests/gpu.py
	@if $(ANY_PYTHON) -c 'import nbval, ipykernel, ipywidgets, plotly, torch; assert torch.cuda.is_available()' 2>/dev/null; then \
	  $(ANY_PYTHON) -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=300 notebooks; \
	else echo "lessons: not run here; they need a GPU, nbval, ipykernel, ipywidgets and plotly"; fi

# All that a GPU can say, in about eight minutes: its tests, each once, then every kernel beside its peers.
record:
	$(ANY_PYTHON) -m helpers.bench --tests --out "$${OUT:-recording.json}"

bench: .venv/test
	$(BIN)/python tests/bench.py

notebooks: .venv/test
	$(BIN)/python -m course notebooks $(if $(REFRESH),--refresh)
	$(BIN)/python docs/draw_house.py
	$(BIN)/python docs/draw_picture.py

evidence: .venv/test
	$(BIN)/python -m course evidence $(if $(LESSON),"$$LESSON")

colab: .venv/test
	$(BIN)/python -m course colab $(if $(REPO)$(REF),--repo "$$REPO" --ref "$$REF")

instructor: .venv/test
	$(BIN)/python -m course instructor

handout: .venv/test
	$(BIN)/python -m course handout

web: .venv/test
	$(BIN)/python -m course web

clean:
	rm -rf .venv .venv-colab .venv-cuda dist build *.egg-info .pytest_cache .ruff_cache .hypothesis

# The environments. A file in each says that its packages are those of pyproject.toml and the constraints.

# $(call torch,.venv,constraints.txt): PyTorch before all else, as pip chooses, on Linux, the large one for GPUs.
ifeq ($(TORCH),cpu)
torch = @$(1)/bin/python $(PIP_INSTALL) --no-deps --index-url $(CPU_INDEX) $(shell grep ^torch== $(2))
else ifneq ($(TORCH),)
$(error TORCH=cpu takes PyTorch's own build without GPUs; without TORCH, pip chooses)
else ifeq ($(NVIDIA)$(shell uname -s),Linux)
torch = $(if $(wildcard $(1)/lib/python*/site-packages/torch),,@echo "There is no NVIDIA GPU here: PyTorch without GPU \
  support is 0.2 GB to download and not 2.7 GB; for that, stop this (Ctrl-C) and run: make $(MAKECMDGOALS) TORCH=cpu")
endif

.venv/lab: pyproject.toml constraints.txt $(BIN)/python
	@echo "Installing JupyterLab, PyTorch and what they need into .venv; this takes a few minutes, once."
	$(call torch,.venv,constraints.txt)
	@$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[lab]'
	@touch $@

.venv/test: pyproject.toml constraints.txt $(BIN)/python
	@echo "Installing the course and its test tools into .venv; this takes a few minutes, once."
	$(call torch,.venv,constraints.txt)
	@$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[test]'
	@touch .venv/lab $@

.venv-colab/test: pyproject.toml constraints-colab.txt $(COLAB)/python
	@echo "Installing Google Colab's versions into .venv-colab; this takes a few minutes, once."
	$(call torch,.venv-colab,constraints-colab.txt)
	@$(COLAB)/python $(PIP_INSTALL) --constraint constraints-colab.txt --editable . nbclient
	@touch $@

# What the helpers' tests import, in the versions of constraints.txt but for PyTorch and what comes with it.
.venv-cuda/test: pyproject.toml constraints.txt $(CUDA)/python
	@echo "Installing PyTorch for GPUs into .venv-cuda, 2.7 GB to download; this takes a few minutes, once."
	@grep -v -e '^torch==' -e '^triton==' constraints.txt > .venv-cuda/constraints.txt
	@$(CUDA)/python $(PIP_INSTALL) --constraint .venv-cuda/constraints.txt $(CUDA_TORCH) --editable . \
	  pytest pytest-timeout pytest-xdist hypothesis networkx nbclient ipykernel
	@touch $@

$(BIN)/python $(COLAB)/python $(CUDA)/python:
	@"$$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  version=$$(command -v "$$PYTHON" >/dev/null && "$$PYTHON" --version 2>&1 | head -n 1); \
	  echo "The course needs Python 3.11, 3.12 or 3.13, and $$PYTHON is $${version:-not here}." \
	    "If you have one of them: make lab PYTHON=python3.12"; exit 1; }
	@"$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$$PYTHON has no venv module; on Debian and Ubuntu install it with: sudo apt install python3-venv"; exit 1; }
	@"$$PYTHON" -m venv --clear $(@D:/bin=)
	@! $@ -m pip config list | grep -E "(target|prefix|root|python|dry-run|no-deps)=" || { echo "pip is configured to install elsewhere, as above," \
	  "and not into this folder. Take that out (pip config edit), or: PIP_CONFIG_FILE=/dev/null make $(MAKECMDGOALS)"; exit 1; }
