# Kanmon: `make help` explains the targets.
SHELL := /bin/bash
GO ?= go
BIN := bin
TOOLS := .tools/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-test build run test check lint bench torture fuzz clean

help: ## what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what building and running need (Debian packages; sudo when not root)
	@.ci/setup run

setup-test: ## install what the tests need besides: PostgreSQL, Chromium, fonts, linters
	@.ci/setup test

build: ## build the programs into bin/
	@mkdir -p $(BIN)
	$(GO) build -o $(BIN)/kanmon-api ./api/cmd/kanmon-api
	$(GO) build -o $(BIN)/kanmon-controller ./controller/cmd/kanmon-controller
	$(GO) build -o $(BIN)/kanmon-sim ./firmware-sim/cmd/kanmon-sim
	$(GO) build -o $(BIN)/kanmon-desk ./reader/cmd/kanmon-desk

run: setup build ## start the centre, a controller and simulated doors with a small demo city; Ctrl-C ends all
	@exec $(BIN)/kanmon-sim demo --bin $(BIN) --data data

test: setup setup-test ## run every test with the race detector, on SQLite, PostgreSQL, ptys and a real browser
	$(GO) test -race -shuffle=on -timeout 20m ./...

check: ## formatting, linters, the architecture and the lists that may not grow
	@.ci/check

lint: ## linters alone
	$(TOOLS)/golangci-lint run ./...

bench: build ## measure against floors taken in the same run (some minutes); results to stdout
	@.ci/bench

torture: ## MINUTES=10 each: kill centre, controller and broker at random (SEED= repeats a run's order); malformed packets to both brokers
	KANMON_TORTURE=$(or $(MINUTES),10) KANMON_SEED=$(SEED) $(GO) test -count 1 -v -timeout 0 -run 'WhateverIsKilled' ./internal/harness
	KANMON_TORTURE=$(or $(MINUTES),10) $(GO) test -count 1 -v -timeout 0 -run 'TestM13' ./internal/broker

fuzz: ## every fuzz target for 30 s
	@.ci/fuzz 30s

clean: ## remove what was built (the demo's data in data/ stays)
	rm -rf $(BIN) .tools
