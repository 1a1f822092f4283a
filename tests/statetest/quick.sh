#!/bin/sh
# quick.sh PROGRAM: the quick part of the official state tests, or exit code 77 without fixtures.
set -eu
program=$1
fixtures=${CBCOS_ETHEREUM_TESTS:-../shared/ethereum-tests}
if [ -d "$fixtures/GeneralStateTests" ]; then
    exec "$program" -q "$fixtures/GeneralStateTests"
fi
packed=$fixtures
[ -d "$fixtures" ] && packed=$fixtures/state-tests.tar.zst
if [ ! -f "$packed" ]; then
    echo "skipped: no GeneralStateTests in $fixtures (set CBCOS_ETHEREUM_TESTS)"
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
zstd -dcq "$packed" | tar -x -C "$scratch"
"$program" -q "$scratch/GeneralStateTests"
