# The two commands: `make demo` shows the main job working, `make test` checks everything. Each installs what it needs.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LINT_VERSION := v2.15.0
LINT         := .tools/golangci-lint-$(LINT_VERSION)
FUZZTIME     ?= 1m
SIMTIME      ?= 10m
SIMJOBS      ?= 100
FAULTTIME    ?= 20m
FAULTJOBS    ?= 2100
STEP         := @scripts/step.sh

.NOTPARALLEL:
.PHONY: help build demo demo-aws test vet lint race cross fuzz sim faults bench generate verify contract emulators clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the programs into bin/
	@scripts/need.sh go
	$(STEP) "building bin/" env CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/ ./cmd/...

demo: build ## run workflows from examples/ on ephemeral runners, against a simulated GitHub (ARGS="--once --poll" and the like)
	bin/runs-fleet-demo $(ARGS)

demo-aws: build emulators ## the same with three servers that share DynamoDB, SQS and S3, all emulated (ARGS="--once" and the like)
	bin/runs-fleet-demo --aws $(ARGS)

test: ## check everything: vet, lint, tests under the race detector, cross-compilation, generated files
	@scripts/need.sh go git gcc npm curl chromium
	@$(MAKE) --no-print-directory contract emulators vet lint race cross verify
	@printf '\nEverything holds.\n'

vet: ## compile everything and report what is surely wrong
	$(STEP) "vet" go vet ./...

lint: $(LINT) ## run golangci-lint with the settings of .golangci.yml
	$(STEP) "lint" $(LINT) run ./...

race: contract emulators ## run all tests under the race detector (RUN=regexp chooses among them)
	$(STEP) "tests under the race detector" go test -race -shuffle=on -timeout 25m $(if $(RUN),-run '$(RUN)') ./...

cross: ## compile for the platforms that this machine is not
	$(STEP) "cross-compiling" scripts/cross-compile.sh

fuzz: contract ## run every fuzz target for FUZZTIME (default 1m)
	@scripts/need.sh go
	@scripts/fuzz.sh $(FUZZTIME)

sim: ## run the simulation's long campaign for SIMTIME (default 10m), one process for each core
	@scripts/need.sh go
	$(STEP) "building the simulation" env GOEXPERIMENT=jsonv2 go build -o bin/sim ./internal/simulate/sim
	bin/sim -for $(SIMTIME) -jobs $(SIMJOBS)

faults: build emulators ## run three servers in real time for FAULTTIME (default 20m) while calls of AWS fail and programs are killed
	$(STEP) "building the fault run" go build -o bin/faults ./internal/endtoend/faults
	bin/faults -for $(FAULTTIME) -jobs $(FAULTJOBS)

bench: ## run the benchmarks
	@scripts/need.sh go
	go test -run '^$$' -bench . -benchmem ./...

generate: ## write generated files anew
	$(STEP) "generating" go generate ./...

verify: ## check that generated files and go.mod are up to date
	$(STEP) "generated files" scripts/verify-generated.sh

contract: ## fetch GitHub's published API description, which the tests hold the simulator to
	$(STEP) "GitHub's API description" scripts/fetch-github-contract.sh

emulators: ## fetch the emulators of AWS that the tests run against
	$(STEP) "emulators of AWS" scripts/fetch-emulators.sh

clean: ## remove what was built and fetched
	rm -rf bin .tools .cache dist

$(LINT):
	@scripts/need.sh go
	$(STEP) "building golangci-lint $(LINT_VERSION), once" env GOBIN=$(CURDIR)/.tools \
		go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv .tools/golangci-lint $@
