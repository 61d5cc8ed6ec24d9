#!/usr/bin/env bash
# Sets up what is missing, checks the formatting, builds everything and runs the tests.
#
# usage: scripts/test.sh [option...]
#
#   --quick         only the tests that are not labelled `slow`
#   --filter REGEX  only the tests whose names match (ctest's -R)
#   --sanitize      the quick tests with the address and undefined-behaviour sanitizers, in build-asan
#   --tidy          clang-tidy over the changed files too, before the tests
#   --jobs N        compilations at a time (default: one for each core, as far as memory allows at 1.5 GB each)
#   --help          this text
#
# The last lines are ctest's own summary, and the exit status is ctest's. Logs: build/log (build-asan/log).
#
# environment: LDM_GOLDENS  a folder with further reference data; where it is not set, ../shared/goldens if that exists
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment/common.sh"

CLANG_FORMAT_MAJOR=14
FOLDER=build
QUICK=no
TIDY=no
JOBS=""
FILTER=""

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --quick) QUICK=yes ;;
      --tidy) TIDY=yes ;;
      --sanitize) FOLDER=build-asan QUICK=yes ;;
      --filter=* | --jobs=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
      --filter | --jobs)
        [ -n "${2:-}" ] || usage_fail "expected a value after $1, got none"
        if [ "$1" = --filter ]; then FILTER="$2"; else JOBS="$2"; fi
        shift
        ;;
      *) usage_fail "unknown option '$1'" ;;
    esac
    shift
  done
  [ -z "$JOBS" ] || is_count "$JOBS" || usage_fail "expected a whole number from 1 after --jobs, got '$JOBS'"
}

# sources: our C++ and CUDA files, each ended by a zero byte.
sources() {
  local file
  git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.h' '*.cu' |
    while IFS= read -r -d '' file; do
      [ ! -f "$file" ] || printf '%s\0' "$file" # a deleted file is still in git's list
    done
}

check_format() {
  local found
  found="$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')"
  if [ "$found" != "$CLANG_FORMAT_MAJOR" ]; then
    warn "formatting not checked: expected clang-format $CLANG_FORMAT_MAJOR, found ${found:-none}"
  elif ! git rev-parse --git-dir >/dev/null 2>&1; then
    warn "formatting not checked: this is not a git checkout"
  else
    run_logged format "checking the formatting" format_dry_run ||
      fail "some files are not formatted; run clang-format -i on those named in $LDM_LOGS/format.log"
  fi
}

format_dry_run() { sources | xargs -0 -r -n 16 -P "$(nproc)" clang-format --dry-run -Werror; }

run_tidy() {
  command -v clang-tidy >/dev/null || fail "expected clang-tidy for --tidy, found none; install the package clang-tidy"
  run_logged tidy "clang-tidy over the changed files" ninja -C "$FOLDER" tidy ||
    fail "clang-tidy found something; its whole output is in $LDM_LOGS/tidy.log"
}

# run_tests: ctest with its output shown as it comes, kept in a log too. Returns ctest's status.
run_tests() {
  local options=(--test-dir "$FOLDER" --output-on-failure --no-tests=error -j"$(nproc)") status=0
  [ "$QUICK" = no ] || options+=(-LE '^slow$')
  [ -z "$FILTER" ] || options+=(-R "$FILTER")
  if [ -z "${LDM_GOLDENS:-}" ] && [ -d ../shared/goldens ]; then
    LDM_GOLDENS="$(cd ../shared/goldens && pwd -P)"
    export LDM_GOLDENS
  fi
  # Tests ask for absurd amounts of memory, to see the error.
  export ASAN_OPTIONS="${ASAN_OPTIONS:-allocator_may_return_null=1:suppressions=$LDM_ROOT/tests/support/asan.supp}"
  export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
  stage "ctest ${options[*]:1}"
  ctest "${options[@]}" 2>&1 | tee "$LDM_LOGS/ctest.log" || status="${PIPESTATUS[0]}"
  return "$status"
}

main() {
  local options=(-DLDM_DEVELOPER=ON)
  parse_arguments "$@"
  cd "$LDM_ROOT"
  bash environment/setup.sh
  LDM_LOGS="$LDM_ROOT/$FOLDER/log"
  use_build_tools
  check_format
  [ "$FOLDER" = build ] || options+=("-DLDM_SANITIZE=address,undefined")
  configure "$FOLDER" "${options[@]}"
  build "$FOLDER" "${JOBS:-$(default_jobs)}"
  [ "$TIDY" = no ] || run_tidy
  run_tests
}

main "$@"
