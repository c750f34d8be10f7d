#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian package: made without the network, depends on what the binary links, runs where it is unpacked.
set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ergon-deb-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
fail() { echo "test_deb: $*"; exit 1; }
for tool in cpack dpkg-deb dpkg-shlibdeps; do
	command -v "$tool" >/dev/null || { echo "skip: $tool is not installed"; exit 77; }
done
if ! grep -q '^ERGON_SANITIZE:[A-Z]*=$' "$ERGON_BUILD_DIR/CMakeCache.txt"; then
	echo "skip: a build with sanitizers is not packaged"
	exit 77
fi
(cd "$ERGON_BUILD_DIR" && cpack -G DEB -B "$scratch/deb") >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "cpack"; }
deb=$(ls "$scratch"/deb/*.deb)
depends=$(dpkg-deb -f "$deb" Depends)
# Every library that the loader would look for must come from a package that is named, or from one that
# those need anyway (libgcc, for instance, is libc6's own dependency).
for package in libc6 libjansson4; do
	case $depends in *"$package"*) ;; *) fail "does not depend on $package: $depends" ;; esac
done
dpkg-deb -x "$deb" "$scratch/root"
if objdump -p "$scratch/root/usr/bin/ergon" | grep -q 'NEEDED.*libsqlite3'; then
	case $depends in *libsqlite3-0*) ;; *) fail "does not depend on libsqlite3-0: $depends" ;; esac
fi
[ "$("$scratch/root/usr/bin/ergon" --version)" = "$("$ERGON" --version)" ] || fail "the packaged command does not run"
[ -f "$scratch/root/usr/share/doc/ergon/copyright" ] || fail "no licence inside"
[ -f "$scratch/root/usr/share/man/man1/ergon.1" ] || fail "no man page inside"
