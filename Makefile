# SPDX-License-Identifier: Apache-2.0
# A thin front for those who have the tools; ./run demo and ./run check for those who have only a shell.
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all dev demo check bench install deb format clean
all:
	@cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build --preset release -j

dev:
	@cmake --preset dev >/dev/null
	@cmake --build --preset dev -j

demo: all
	@sh tools/demo.sh

check:
	@sh tools/check.sh

bench: all
	@sh bench/run.sh

install: all
	@cmake --install build --prefix $(PREFIX)

deb: all
	@cd build && cpack -G DEB

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf build
