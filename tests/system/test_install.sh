#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` leaves: a command that finds its data wherever it was put, a library that other
# programs find through pkg-config and through CMake, man page and completions.
set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ergon-install-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
fail() { echo "test_install: $*"; exit 1; }
if ! grep -q '^ERGON_SANITIZE:[A-Z]*=$' "$ERGON_BUILD_DIR/CMakeCache.txt"; then
	echo "skip: a build with sanitizers is not installed"
	exit 77
fi
version=$("$ERGON" --version)

# Into DESTDIR, as packages do; then moved, as users do.
DESTDIR=$scratch/stage cmake --install "$ERGON_BUILD_DIR" --prefix /opt/ergon >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "cmake --install"; }
mv "$scratch/stage/opt/ergon" "$scratch/moved"
at=$scratch/moved
[ "$("$at/bin/ergon" --version)" = "$version" ] || fail "the installed command says another version"
[ ! -d data ] || [ -d "$at/share/ergon/devices" ] || fail "no data was installed"
if "$ERGON" help predict >/dev/null 2>&1; then
	(cd / && unset ERGON_DATA_DIR && "$at/bin/ergon" predict --model resnet50 --device v100 --batch 32 --json - >"$scratch/p.json") ||
		fail "the installed command does not find its data"
	grep -q '"step_time_s"' "$scratch/p.json" || fail "no prediction"
fi
grep -q '^\.TH ERGON 1' "$at/share/man/man1/ergon.1" || fail "man page"
bash -n "$at/share/bash-completion/completions/ergon" || fail "bash completion"
grep -q '^#compdef ergon' "$at/share/zsh/site-functions/_ergon" || fail "zsh completion"
grep -q 'complete -c ergon' "$at/share/fish/vendor_completions.d/ergon.fish" || fail "fish completion"

# A program that uses the library, three ways.
mkdir "$scratch/user"
cat >"$scratch/user/user.c" <<'END'
#include <stdio.h>
#include <ergon/env.h>
#include <ergon/error.h>
#include <ergon/version.h>
int main(void)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	ergon_env_init(&env, &storage);
	printf("ergon %s\n", ergon_version());
	return ergon_code_text(ERGON_OK) == NULL;
}
END
cc=${CC:-cc}
command -v "$cc" >/dev/null || cc=gcc
lib=$(dirname "$(find "$at" -name libergon.a)")
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
prefix=--define-variable=prefix=$at
# shellcheck disable=SC2046 # flags are words
"$cc" "$scratch/user/user.c" -o "$scratch/user/shared" $(pkg-config "$prefix" --cflags --libs ergon) || fail "link through pkg-config"
[ "$(LD_LIBRARY_PATH=$lib "$scratch/user/shared")" = "$version" ] || fail "the shared library says another version"
# shellcheck disable=SC2046
"$cc" "$scratch/user/user.c" -o "$scratch/user/static" "$lib/libergon.a" $(pkg-config "$prefix" --static --cflags --libs ergon | sed 's/-lergon//') ||
	fail "static link through pkg-config"
[ "$("$scratch/user/static")" = "$version" ] || fail "the static library says another version"
cat >"$scratch/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.22)
project(user C)
find_package(ergon 0.1 REQUIRED)
add_executable(user user.c)
target_link_libraries(user ergon::ergon)
END
{
	cmake -S "$scratch/user" -B "$scratch/user/build" -DCMAKE_PREFIX_PATH="$at" && cmake --build "$scratch/user/build"
} >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "find_package(ergon)"; }
[ "$("$scratch/user/build/user")" = "$version" ] || fail "the library found by CMake says another version"
