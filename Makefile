# SPDX-License-Identifier: Apache-2.0
# A thin front for those who have the tools; ./run demo and ./run check for those who have only a shell.
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
MAKEFLAGS += --no-print-directory

.PHONY: all dev demo check bench install deb docs symbols format clean
all:
	@cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) >build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log
	@cmake --build build -j $(JOBS) --target product

dev:
	@cmake --preset dev >/dev/null
	@cmake --build build -j $(JOBS)

demo: all
	@sh tools/demo.sh

check:
	@sh tools/check.sh

bench: all
	@cmake --build build -j $(JOBS) --target bench_sampler
	@sh bench/run.sh

install: all
	@DESTDIR=$(DESTDIR) cmake --install build --prefix $(PREFIX)

deb: all
	@cd build && cpack -G DEB -B .
	@ls build/*.deb

# What is generated from the command table and kept in the repository.
docs: all
	@build/ergon help --markdown >docs/reference.md

# The symbols that libergon.so keeps for a major version; look at the difference before you commit it.
symbols: all
	@sh tools/symbols.sh >tools/symbols.txt

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf build
