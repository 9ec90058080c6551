# Perceptor's commands; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/perceptor/tools
DENY_VERSION := 0.20.2
DENY := $(TOOLS)/bin/cargo-deny-$(DENY_VERSION)

.PHONY: help run test check fmt tidy spec settings bless bench images kustomize fuzz setup clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

run: ## the whole mesh in one process: watches the engines of this host, or shows a sample
	cargo run --release --bin perceptor -- up

test: setup ## every test, the real parts included
	@# The end-to-end tests start the binaries as processes.
	cargo build --workspace --bins
	cargo test --workspace

check: $(DENY) ## formatting, lints, house law, licences and bans
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --quiet -p tidy
	$(DENY) --log-level error check bans licenses sources
	@# The advisory database lives outside; a network that does not reach it cannot fail the build.
	@if timeout 60 $(DENY) --log-level error fetch db >/dev/null 2>&1; then \
	  $(DENY) --log-level error check --disable-fetch advisories; \
	else echo "check: the advisory database cannot be reached; advisories of dependencies were not checked"; fi

fmt: ## format the code
	cargo fmt --all

tidy: ## list large files
	cargo run --quiet -p tidy

spec: ## write the OpenAPI documents anew
	BLESS=1 cargo test --quiet -p core-server --test openapi
	BLESS=1 cargo test --quiet -p image-fetcher --test openapi

settings: ## write docs/settings.md anew
	cargo build --workspace --bins
	BLESS=1 cargo test --quiet -p e2e --test settings

bless: ## accept changed snapshots
	INSTA_UPDATE=always cargo test --quiet -p core-server -p perceptor

bench: ## measurements, each beside a floor of the same run
	cargo run --release --quiet -p bench

images: ## container images of the binaries
	deploy/images/build.sh

kustomize: ## write the Kustomize bases anew from the chart (needs helm)
	deploy/kustomize/generate.sh

fuzz: ## a minute of each fuzz target (installs cargo-fuzz)
	fuzz/run.sh

setup: ## what the tests need: packages by apt when root
	@deploy/e2e/setup.sh

clean: ## remove what was built
	cargo clean

$(DENY):
	cargo install --quiet --locked --root $(TOOLS) --target-dir $(TOOLS)/target cargo-deny --version $(DENY_VERSION)
	mv $(TOOLS)/bin/cargo-deny $@
	rm -rf $(TOOLS)/target
