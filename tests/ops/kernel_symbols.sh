#!/usr/bin/env bash
# usage: kernel_symbols.sh NM INSTRUCTION_SET OBJECT...
#
# Objects compiled for one instruction set may define nothing outside their own namespace: of a function that several files
# define, the linker takes any copy for all of them, and programs would stop on processors that lack those registers.
set -euo pipefail
NM="$1"
NAMESPACE="3cpu${#2}$2"
shift 2

fail() { echo "$1" && exit 1; }

defined="$("$NM" --defined-only --extern-only --format=posix "$@" | awk 'NF > 1 { print $1 }')"
grep -q "$NAMESPACE" <<<"$defined" || fail "expected names in namespace $NAMESPACE, found none in $*"
foreign="$(grep -v "$NAMESPACE" <<<"$defined" || true)"
[ -z "$foreign" ] || fail "expected only names in namespace $NAMESPACE, got: $foreign"
