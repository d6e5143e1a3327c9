# make lab opens the course, make test passes its tests. Everything they install stays in this folder.

PYTHON ?= python3
BIN := .venv/bin
COLAB := .venv-colab/bin
NBVAL := -m pytest --nbval --nbval-current-env --nbval-cell-timeout=60
# A person sees pip's progress; a log sees only what fails.
PIP_INSTALL := -m pip install --disable-pip-version-check $(if $(CI),--quiet)

# What another environment has set must not reach into this one.
unexport PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX
# Else the debugger in older kernels warns about Python's frozen modules.
export PYDEVD_DISABLE_FILE_VALIDATION = 1

.NOTPARALLEL:
.PHONY: help lab test test-style test-colab test-course test-editions notebooks evidence colab instructor handout clean

help:
	@echo "make lab          open the course in JupyterLab (the first time it installs what is missing)"
	@echo "make test         run every check that needs no GPU"
	@echo "make notebooks    execute the lessons and store their outputs (REFRESH=1 renews the timings too)"
	@echo "make evidence     compute every verdict anew, and train what no result is stored of (LESSON=05: one lesson)"
	@echo "make test-colab   only the lessons, with the versions that Google Colab has"
	@echo "make colab        the lessons for Google Colab, to be uploaded with nothing else, into dist/colab/"
	@echo "                  (REPO=owner/name REF=tag: with badges, and a set-up that installs from there)"
	@echo "make instructor   the lessons solved, with teaching notes, into dist/instructor/"
	@echo "make handout      the lessons without solutions, for graded use, into dist/handout/"
	@echo "make test-editions  these three, executed as Colab would (some minutes; not part of make test)"
	@echo "make clean        remove the environments; your own copies in work/ stay"
	@echo "With another Python (3.11, 3.12 or 3.13): make lab PYTHON=python3.12"

lab: .venv/lab
	@$(BIN)/python -m course lab

test: test-style test-colab test-course

test-style: .venv/test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo

# Once as on Colab itself, where plotly cannot be drawn from a control, and once moving every control.
test-colab: .venv-colab/test
	COLAB_RELEASE_TAG=test $(COLAB)/python $(NBVAL) -q notebooks
	$(COLAB)/python -m pytest -q tests/test_lessons.py

# Last, since it ends by saying what was skipped and why.
test-course: .venv/test
	$(BIN)/python $(NBVAL) -q tests helpers course notebooks --ignore tests/test_editions_slow.py

test-editions: .venv/test .venv-colab/test
	$(BIN)/python -m pytest -q tests/test_editions_slow.py

notebooks: .venv/test
	$(BIN)/python -m course notebooks $(if $(REFRESH),--refresh)
	$(BIN)/python docs/draw_house.py

evidence: .venv/test
	$(BIN)/python -m course evidence $(LESSON)

colab: .venv/test
	$(BIN)/python -m course colab $(if $(REPO)$(REF),--repo '$(REPO)' --ref '$(REF)')

instructor: .venv/test
	$(BIN)/python -m course instructor

handout: .venv/test
	$(BIN)/python -m course handout

clean:
	rm -rf .venv .venv-colab dist build *.egg-info .pytest_cache .ruff_cache .hypothesis

# The environments. A file in each says that its packages are those of pyproject.toml and the constraints.

.venv/lab: pyproject.toml constraints.txt $(BIN)/python
	@echo "Installing JupyterLab, PyTorch and what they need into .venv; this takes a few minutes, once."
	@$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[lab]'
	@touch $@

.venv/test: pyproject.toml constraints.txt $(BIN)/python
	@echo "Installing the course and its test tools into .venv; this takes a few minutes, once."
	@$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[test]'
	@touch .venv/lab $@

.venv-colab/test: pyproject.toml constraints-colab.txt $(COLAB)/python
	@echo "Installing Google Colab's versions into .venv-colab; this takes a few minutes, once."
	@$(COLAB)/python $(PIP_INSTALL) --constraint constraints-colab.txt --editable . nbval nbclient pytest pytest-timeout
	@touch $@

$(BIN)/python $(COLAB)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  version=$$(command -v $(PYTHON) >/dev/null && $(PYTHON) --version 2>&1 | head -n 1); \
	  echo "The course needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $${version:-not here}." \
	    "If you have one of them: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module; on Debian and Ubuntu install it with: sudo apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear $(@D:/bin=)
