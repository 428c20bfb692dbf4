# make help says what there is.
#
# PRESET=cpu|gfx908|cuda   what to build for (default cpu)
# LLAMA_CPP_DIR=DIR        build this llama.cpp checkout instead of the pinned one
# ENGINE=ollama            the second engine: build/bin/ceiling-ollama (docs/engines.md)
# PORTABLE=ON              every CPU variant, for a build/bin copied to other machines (the default of bundle, deb and airgap-check)
# JOBS=N                   parallel compilations (default: all cores)

PRESET   ?= cpu
# What is packed is for other machines.
PORTABLE ?= $(if $(filter bundle deb airgap-check,$(MAKECMDGOALS)),ON,OFF)
ENGINE   ?= llama.cpp
# What is given on the command line reaches the scripts by itself.
export PRESET PORTABLE

# A bundle's source has no git, and a file that says what it is.
VERSION := $(shell cat VERSION 2>/dev/null || git describe --tags --always --dirty 2>/dev/null || echo unknown)
PROGRAM := build/bin/ceiling
DEMO    := build/models/demo-q4_0.gguf

# Another source has other headers, and Go does not see those change: their
# checksum goes into the C flags, so that the binding is compiled again.
HEADERS = $(shell cat build/include/*.h | cksum | cut -d' ' -f1)
GO_ENV  = $(if $(LLAMA_CPP_DIR),CGO_CPPFLAGS="$(CGO_CPPFLAGS) -DCEILING_HEADERS=$(HEADERS)")

.PHONY: build demo test ollama-check peers bundle deb hip-check standin-check airgap-check cuda-check lint clean help setup engine
.DEFAULT_GOAL := build

help:
	@echo 'make build   the program, build/bin/ceiling, with llama.cpp beside it'
	@echo '             ENGINE=ollama: build/bin/ceiling-ollama, over the llama.cpp in a Go module of ollama'
	@echo 'make demo    a smoke run on synthetic weights; ends with a table and the paths of the report'
	@echo 'make test    all tests (native build, test model and browser included)'
	@echo 'make ollama-check   tests the second engine against the first'
	@echo 'make hip-check   builds the gfx908 preset in a Debian root of its own and looks at it (root; no ROCm, no GPU)'
	@echo 'make standin-check   runs gfx908 code on four stand-in cards, in the root of hip-check (root)'
	@echo 'make airgap-check   packs a bundle twice and builds from it without a network, in the root of hip-check (root; BUNDLE_BIN=DIR)'
	@echo 'make cuda-check  the same for the cuda preset, where nvcc is'
	@echo 'make peers   llama-bench, llama-batched-bench, llama-server, llama-quantize, ggml-rpc-server'
	@echo 'make bundle  one file with all that a machine without a network needs (BUNDLE_GO=1, BUNDLE_MODEL=PATH, PORTABLE=OFF)'
	@echo 'make deb     the CPU part of it as a Debian package'
	@echo 'make lint    gofmt, go vet, shellcheck where there is one'
	@echo 'make clean   removes build/'
	@echo 'PRESET=gfx908 for MI100 (ROCm), PRESET=cuda for NVIDIA, LLAMA_CPP_DIR=DIR for your own llama.cpp'

setup:
	@scripts/setup.sh build

engine: setup
	@scripts/build-native.sh engine

GO_BUILD = build -trimpath -buildvcs=false -tags shipped -ldflags '-buildid= -X main.version=$(VERSION)'

ifeq ($(ENGINE),llama.cpp)
build: engine
	$(GO_ENV) go $(GO_BUILD) -o $(PROGRAM) ./cmd/ceiling
else ifeq ($(ENGINE),ollama)
# Of the native build only what was probed of this machine.
build: setup
	@scripts/build-native.sh engine-json
	scripts/with-ollama.sh $(GO_BUILD) -o $(PROGRAM)-ollama ./cmd/ceiling
else
$(error ENGINE is '$(ENGINE)': use llama.cpp or ollama)
endif

# The demo model is made again when what makes it has changed.
$(DEMO): $(filter-out %_test.go,$(wildcard engine/synth/*.go engine/gguf/*.go)) | build
	@mkdir -p $(@D)
	$(PROGRAM) synth --geometry demo --type q4_0 --out $@ --force

demo: build $(DEMO)
	@paths=$$($(PROGRAM) run --model $(DEMO) --suite smoke); status=$$?; \
	[ -z "$$paths" ] || $(PROGRAM) summary "$$(dirname "$$(echo "$$paths" | head -n 1)")"; exit $$status

test: build $(DEMO)
	@scripts/build-native.sh llama-server ggml-rpc-server
	CEILING_TEST_DEMO='$(CURDIR)/$(DEMO)' $(GO_ENV) scripts/test.sh

ollama-check: build $(DEMO)
	@scripts/build-native.sh engine-json
	@$(MAKE) --no-print-directory build ENGINE=ollama
	CEILING_TEST_DEMO='$(CURDIR)/$(DEMO)' scripts/ollama-check.sh

peers: engine
	@scripts/build-native.sh peers

bundle deb:
	@scripts/setup.sh build bundle
	@scripts/$@.sh

# The source is brought in here, so that the root needs no network for it.
airgap-check: packing = bundle
hip-check standin-check airgap-check:
	@scripts/setup.sh build hip $(packing)
	@third_party/fetch-llama.sh >/dev/null
	@go mod download
	@scripts/$@.sh

cuda-check:
	@scripts/cuda-check.sh

lint: engine
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'd:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	@if command -v shellcheck >/dev/null; then shellcheck -x scripts/*.sh third_party/*.sh .ci/run; \
	else echo 'shellcheck is not installed: shell scripts not checked'; fi

clean:
	rm -rf build
