#!/bin/sh
# run.sh PROGRAM [OPTION...]: Ethereum's test suites, or exit code 77 where they are not present.
# CBCOS_ETHEREUM_TESTS names a folder that holds GeneralStateTests and its sisters, the packed file
# of one, or a folder with that file; what it names must be there.
set -eu
suites='GeneralStateTests TransactionTests RLPTests ABITests'
fixtures=${CBCOS_ETHEREUM_TESTS:-../shared/ethereum-tests}
if [ ! -d "$fixtures/GeneralStateTests" ]; then
    packed=$fixtures
    [ ! -d "$fixtures" ] || packed=$fixtures/state-tests.tar.zst
    if [ -n "${CBCOS_ETHEREUM_TESTS:-}" ] && [ ! -f "$packed" ]; then
        echo "CBCOS_ETHEREUM_TESTS: neither GeneralStateTests nor state-tests.tar.zst in $fixtures" >&2
        exit 2
    fi
    if [ ! -f "$packed" ]; then
        echo "skipped: no Ethereum tests in $fixtures (CBCOS_ETHEREUM_TESTS names another place)"
        exit 77
    fi
    fixtures=$(mktemp -d)
    trap 'rm -rf "$fixtures"' EXIT
    tar -x --zstd -f "$packed" -C "$fixtures"
fi
for suite in $suites; do
    set -- "$@" "$fixtures/$suite"
done
"$@"
