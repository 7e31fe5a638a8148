# The commands of this project; `make help` lists them.
# Everything that is built once and does not change (the test servers) is cached outside the checkout.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
# Where Go and the system's programs often are without being on a user's PATH.
export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin
# Where `make audit` keeps its tool.
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/siskin
CHART := charts/siskin
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release/siskin
# The system's, or else the one that the test servers' tools were built with.
HELM = $(firstword $(shell command -v helm) $(lastword $(sort $(wildcard $(CACHE)/tools/*/bin/helm))))
# The check needs no speed, and the tool is built anew for each empty cache.
FAST_BUILD := CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: needs-rust ## Watch a bad release being stopped and a good one promoted, on real servers
	@$(CARGO) build --quiet --bin siskin
	@$(CARGO) run --quiet --package siskin-bed -- demo

.PHONY: test
test: tools ## Run every test, those on the real servers included
	@echo "== the tests"
	@$(CARGO) test --workspace --no-fail-fast -- --show-output

.PHONY: tools
tools: needs-rust needs-tools
	@echo "== the test servers: what is missing is built once, about 20 minutes on two cores"
	@$(CARGO) run --package siskin-bed -- tools

# UNIT_TESTS=later leaves them to `make test`, which runs them too.
.PHONY: check
check: needs-rust ## Format, lints, unit tests and generated files: under a minute when warm
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --quiet --workspace --all-targets -- --deny warnings
ifneq ($(UNIT_TESTS),later)
	@$(CARGO) test --quiet --package siskin --lib --bins --test architecture
endif
	@$(MAKE) drift
	@if test -n "$(HELM)"; then "$(HELM)" lint --quiet --strict $(CHART); \
	else echo "helm is not installed: the chart was not linted here (make test builds it)"; fi

.PHONY: bed
bed: needs-rust needs-tools ## Start the test servers for playing by hand; prints how to reach them
	@$(CARGO) run --quiet --package siskin-bed -- up

# How many Rollouts `make bench-scale` makes, growing, and how many Deployments that no Rollout names beside a single one.
SIZES ?= 100,1000,10000
OTHERS ?= 10000
.PHONY: bench-scale
bench-scale: needs-rust needs-tools ## What a controller takes beside many objects, and how soon it is ready: SIZES=100,1000
	@$(CARGO) build --quiet --release --bin siskin
	@$(CARGO) run --quiet --package siskin-bed -- scale --rollouts $(SIZES) --controller $(RELEASE)
	@$(CARGO) run --quiet --package siskin-bed -- scale --rollouts 1 --others $(OTHERS) --controller $(RELEASE)

.PHONY: crds
crds: needs-rust ## Generate crds/ from the types, and copy what the chart carries
	@$(CARGO) run --quiet --bin siskin -- crds --directory crds
	@mkdir -p $(CHART)/crds $(CHART)/files/analysis-templates
	@cp crds/*.yaml $(CHART)/crds/
	@cp analysis-templates/*.yaml $(CHART)/files/analysis-templates/

.PHONY: drift
drift: needs-rust
	@generated="$$(mktemp -d)"; trap 'rm -r "$$generated"' EXIT; \
	$(CARGO) run --quiet --bin siskin -- crds --directory "$$generated"; diff --recursive --brief crds "$$generated" \
	  || { echo "crds/ is not what the types say: run \`make crds\` and commit"; exit 1; }
	@diff --recursive crds $(CHART)/crds && diff --recursive analysis-templates $(CHART)/files/analysis-templates \
	  || { echo "the chart's copies are not what they are copies of: run \`make crds\` and commit"; exit 1; }

.PHONY: audit
audit: audit-offline ## Check licenses, advisories and sources of the dependencies (cargo-deny)
	@PATH="$$PATH:$(CACHE)/bin" cargo deny --workspace check advisories

# What the checkout alone decides. Advisories are news from outside: they fail `make audit`, and no build of an old commit.
.PHONY: audit-offline
audit-offline: needs-rust
	@if ! command -v cargo-deny >/dev/null && ! test -x $(CACHE)/bin/cargo-deny; then \
	  echo "== cargo-deny is not installed: building it into $(CACHE), some minutes, once"; \
	  build="$$(mktemp -d)"; trap 'rm -r "$$build"' EXIT; \
	  $(FAST_BUILD) $(CARGO) install --locked --root $(CACHE) --target-dir "$$build" cargo-deny; fi
	@PATH="$$PATH:$(CACHE)/bin" cargo deny --workspace check bans licenses sources

.PHONY: needs-rust
needs-rust:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust with rustup (https://rustup.rs) and run this again"; exit 1; }
	@command -v cc >/dev/null || { echo "a C linker is missing: run \`apt-get install build-essential\` and run this again"; exit 1; }

# Packages of Debian and Ubuntu that the test servers need; root gets them installed, others are told.
SYSTEM_PROGRAMS := go:golang ip:iproute2 openssl:openssl unshare:util-linux setpriv:util-linux python3:python3
.PHONY: needs-tools
needs-tools:
	@missing=""; \
	for pair in $(SYSTEM_PROGRAMS); do \
	  command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; done; \
	python3 -m pip --version >/dev/null 2>&1 || missing="$$missing python3-pip"; \
	missing="$$(echo $$missing | tr ' ' '\n' | sort -u | xargs)"; \
	if test -n "$$missing"; then \
	  case " $$missing " in *" golang "*) echo "Go is missing: install Go 1.26 from https://go.dev/dl and run this again"; exit 1;; esac; \
	  if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	    echo "== installing $$missing"; apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $$missing; \
	  else echo "something is missing: run \`sudo apt-get install $$missing\` and run this again"; exit 1; fi; fi
