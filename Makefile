# From a fresh clone: `make demo` and `make test`. Needs python3 (3.11 or newer), its venv, and make.
# Installing happens once: a stamp in .venv is as new as the lock it was made from.

PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.8
export UV_SYSTEM_CERTS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: demo test soak lint format clean

demo: .venv/run.ok
	@$(BIN)/replyline up --demo

test: lint
	$(BIN)/python -m pytest -n 2

# MINUTES=10 SEED=... DATABASE=sqlite; what it prints is explained in docs/soak.md.
soak: .venv/test.ok
	@$(BIN)/python -m tests.soak

# Cheap checks first; the first that fails ends it.
lint: .venv/test.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

format: .venv/test.ok
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .boot

# Debian without python3-venv has only pip, and that may install into a folder of ours but no other.
.venv/made.ok:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Replyline needs Python 3.11 or newer; PYTHON=... chooses one" >&2; exit 1; }
	@if $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
		$(PYTHON) -m venv .venv; \
	else \
		$(PYTHON) -m pip install -q --target .boot virtualenv \
			&& PYTHONPATH=.boot $(PYTHON) -m virtualenv -q .venv; \
	fi
	@$(BIN)/python -m pip install -q "uv==$(UV_VERSION)" || echo "no uv here: pip installs, slower"
	@touch $@

.venv/run.ok: .venv/made.ok requirements.lock | $(BIN)/replyline
	@echo "Installing what Replyline runs on ..."
	@$(call install,requirements.lock)
	@touch $@

# The test lock holds everything of the other, so one install serves both.
.venv/test.ok: .venv/made.ok requirements-test.lock | $(BIN)/replyline
	@echo "Installing what Replyline and its tests run on ..."
	@$(call install,requirements-test.lock)
	@touch .venv/run.ok $@

define install
if test -x $(BIN)/uv; \
then $(BIN)/uv pip install -q -p $(BIN)/python --require-hashes -r $(1); \
else $(BIN)/python -m pip install -q --require-hashes -r $(1); fi
endef

# We run from the checkout, from any folder; nothing of ours is installed, so no build tool is needed.
define launcher
#!/bin/sh
bin=$$(dirname "$$(readlink -f "$$0")")
PYTHONPATH=$$(dirname "$$(dirname "$$bin")") exec "$$bin/python" -P -m app.cli "$$@"
endef
export launcher

$(BIN)/replyline: .venv/made.ok Makefile
	@echo "$$launcher" > $@ && chmod +x $@
