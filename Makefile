# What the project's people do again and again. Needs Go, Node.js 20 or later, npm, git and make; `make deps` sees to the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# Steps are timed and share two cores with nobody: one after the other.
.NOTPARALLEL:

GOLANGCI_VERSION := v2.15.0
GOLANGCI := .tools/golangci-lint-$(GOLANGCI_VERSION)
GOVULNCHECK_VERSION := v1.9.0
GOVULNCHECK := .tools/govulncheck-$(GOVULNCHECK_VERSION)

# How many random histories `make soak` plays.
SEEDS ?= 10000

# The race detector looks at everything but SQLite, which is C translated to Go: ours are the goroutines around it, and a quarter of the time remains.
RACE := -race -gcflags=modernc.org/...=-race=false

# npm modules may contain Go packages; they are none of ours.
PACKAGES = $(shell go list ./... | grep -v /node_modules/)
# Servers, clients and clocks of their own: they run alone.
E2E := ./cmd/bizsync/e2e
FAULTS := ./cmd/bizsync/faults

NODE_FOLDERS := web collab/crdt/testdata/oracle cmd/bizsync/e2e/node cmd/bizsync/e2e/providers/node
# npm ci writes this file last, so one that is older than its lockfile, or missing, means that there is something to install.
NODE_INSTALLED := $(NODE_FOLDERS:%=%/node_modules/.package-lock.json)

# $(call step,NAME,COMMAND) runs a command and says how long it took.
define step
@printf '\n==> %s\n' '$(1)'; start=$$SECONDS; $(2) && printf '<== %s: %d s\n' '$(1)' $$((SECONDS - start))
endef

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## start the server; settings come from the environment (BIZSYNC_ADDR=...)
	go run ./cmd/bizsync

# How many nodes `make cluster` starts, 1 to 4, and the port of the load balancer (a free one when empty).
NODES ?= 2
PORT ?=

.PHONY: cluster
cluster: ## start PostgreSQL, Redis, two nodes (NODES=...) and a load balancer on this machine; Ctrl-C ends them
	@deploy/cluster.sh --nodes '$(NODES)' $(if $(PORT),--port '$(PORT)')

.PHONY: deps
deps: deps-system $(NODE_INSTALLED) ## install what tests and checks need and is missing (Debian packages only as root)

# The race detector needs a C compiler, the browser test a browser; the databases are tested on private servers of their own.
.PHONY: deps-system
deps-system:
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || { echo 'Node.js 20 or later is needed (package nodejs).' >&2; exit 1; }; \
	missing=; \
	command -v gcc >/dev/null || missing+=' gcc libc6-dev'; \
	test -x "$${CHROMIUM:-/usr/bin/chromium}" || missing+=' chromium'; \
	compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null || missing+=' postgresql'; \
	command -v redis-server >/dev/null || missing+=' redis-server'; \
	command -v haproxy >/dev/null || test -x /usr/sbin/haproxy || missing+=' haproxy'; \
	if [[ -z $$missing ]]; then exit 0; fi; \
	install="apt-get install -y --no-install-recommends$$missing"; \
	if [[ $$(id -u) != 0 ]]; then echo "Missing; install it with: sudo apt-get update && sudo $$install" >&2; exit 1; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	$$install || { apt-get update && $$install; }

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

# No result is taken from a cache: what is tested includes programs that Go doesn't know to have changed. The engine starts no goroutine and has no lock: what the race detector
# could find there, it finds in the rooms.
.PHONY: test
test: deps ## everything that has to hold, some seventeen minutes on two cores
	$(call step,go vet,go vet $(PACKAGES))
	$(call step,Go tests with the race detector,go test $(RACE) -count=1 -timeout 15m $(shell go list ./... | grep -Ev '/node_modules/|/collab/crdt|/cmd/bizsync/(e2e|faults)'))
	$(call step,the engine beside Yjs,go test -count=1 -timeout 10m ./collab/crdt/...)
	$(call step,the built server and stock clients,go test $(RACE) -count=1 -timeout 10m -p 1 $(E2E)/...)
	$(call step,the faster faults of a cluster,go test -count=1 -timeout 15m $(FAULTS))
	$(call step,random histories,go test -count=1 -timeout 10m -run '^TestRandomHistories$$' ./collab)
	$(call step,unit tests of the browser application,npm --prefix web test)
	$(call step,web/dist is built from its source,npm --prefix web run check-dist)
	$(call step,two people in two browsers,npm --prefix web run e2e)

.PHONY: lint
lint: deps $(GOLANGCI) ## formatting and the linters of .golangci.yml and web/
	$(call step,golangci-lint,$(GOLANGCI) run)
	$(call step,types of the browser application,npm --prefix web run typecheck)
	$(call step,eslint,npm --prefix web run lint)
	$(call step,prettier,npm --prefix web run format:check)

# Built here, with the Go at hand: it must not be older than the code that it reads. The folder ignores itself.
$(GOLANGCI):
	@mkdir -p .tools && echo '*' > .tools/.gitignore
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv .tools/golangci-lint $@

# Asks vuln.go.dev and npm's registry, so it is no part of CI: what is known about a dependency changes without a commit, and not everybody has the network.
# Only what our code calls counts; of npm's modules all do that a lockfile names. Each is looked at, whatever was found before.
.PHONY: vuln
vuln: $(GOVULNCHECK) ## look for known vulnerabilities in dependencies; needs the network
	@failed=; \
	printf '\n==> govulncheck\n'; $(GOVULNCHECK) $(PACKAGES) || failed+=' go'; \
	for lock in $$(git ls-files '*package-lock.json'); do \
		folder=$$(dirname "$$lock"); \
		printf '\n==> npm audit in %s\n' "$$folder"; npm --prefix "$$folder" audit --package-lock-only || failed+=" $$folder"; \
	done; \
	if [[ -n $$failed ]]; then printf '\nfound something, or not to be asked:%s\n' "$$failed" >&2; exit 1; fi

$(GOVULNCHECK):
	@mkdir -p .tools && echo '*' > .tools/.gitignore
	GOBIN=$(CURDIR)/.tools go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@mv .tools/govulncheck $@

.PHONY: bench
bench: $(NODE_INSTALLED) ## the figures of the README: the engine beside Yjs, and one client through the server
	go run ./collab/crdt/internal/benchyjs
	go test -count=1 -timeout 30m -run '^$$' -bench Paper -benchtime 1x $(E2E)

# How long each scenario of `make bench-cluster` is measured.
DURATION ?= 20s

.PHONY: bench-cluster
bench-cluster: deps-system ## two nodes, PostgreSQL and Redis under up to a thousand typing people (DURATION=20s of each scenario)
	go run ./cmd/bizsync/benchcluster --duration '$(DURATION)'

BENCH_PEERS := cmd/bizsync/benchload/peers/y-websocket-server cmd/bizsync/benchload/peers/hocuspocus
# Further flags of `make bench-load`.
LOAD ?=

# A server that npm can't install is left out, and the table says so.
.PHONY: bench-load
bench-load: deps-system ## today's Node.js servers and ours under the same loads, in some ninety minutes on two cores (LOAD=--quick: minutes, to see that it works)
	@for peer in $(BENCH_PEERS); do \
		$(MAKE) --no-print-directory "$$peer/node_modules/.package-lock.json" || echo "$$peer can't be installed" >&2; \
	done
	go run ./cmd/bizsync/benchload $(LOAD)

.PHONY: bench-web
bench-web: deps ## what a person waits for in the browser: the list, the editor, each key in a 100-page document
	npm --prefix web run measure

.PHONY: web
web: web/node_modules/.package-lock.json ## build web/dist, which is committed and embedded in the server
	npm --prefix web run build

# How many random histories `make conformance-long` goes through, and the seed of the first.
HISTORIES ?= 100000
SEED ?= 1

.PHONY: conformance-long
conformance-long: collab/crdt/testdata/oracle/node_modules/.package-lock.json ## the engine and Yjs on 100,000 random histories (HISTORIES=... SEED=...)
	go test -count=1 -timeout 0 -v -run '^TestHistories$$' ./collab/crdt -histories '$(HISTORIES)' -seed '$(SEED)' | grep -v -e '^=== ' -e '^ *--- PASS: TestHistories/' -e '^PASS$$'; exit $${PIPESTATUS[0]}

.PHONY: soak
soak: ## play 10,000 random histories (SEEDS=...)
	BIZSYNC_SEEDS=$(SEEDS) go test -count=1 -timeout 0 -run '^TestRandomHistories$$' ./collab

.PHONY: faults
faults: deps ## break a cluster in every way (ROUNDS=... of each fault); the short suite in `make test` takes some five minutes on two cores
	BIZSYNC_FAULTS=all BIZSYNC_ROUNDS=$(ROUNDS) go test -count=1 -timeout 0 -v $(FAULTS)
