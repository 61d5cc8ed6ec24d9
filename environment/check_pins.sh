#!/usr/bin/env bash
# Checks that every file that names a pinned version names the same one.
#
# usage: environment/check_pins.sh [--help]
#
# The requirements files hold the versions; environment.yaml and the Dockerfile repeat them. Exit status 0 when all
# agree, 1 with a line for each difference when they do not.
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# What is compared, each with the requirements file that holds it.
PINS=(
  torch:requirements.txt
  nvidia-cuda-runtime:requirements.txt
  nvidia-cuda-cupti:requirements.txt
  open_clip_torch:requirements-clip.txt
  cmake:requirements-build.txt
  ninja:requirements-build.txt
)
COPIES=(environment.yaml Dockerfile)

# versions NAME FILE: every version that the file pins the name to (NAME==V, or NAME=V as conda writes it).
versions() {
  grep -oE "(^|[^A-Za-z0-9_-])$1==?\"?[0-9][0-9A-Za-z.]*" "$2" | sed -E 's/.*=+"?//' | sort -u
}

# check_pin NAME HOLDER: prints each disagreement; false if there is one.
check_pin() {
  local name="$1" holder="$2" copy wanted found agree=0
  wanted="$(versions "$name" "$holder")"
  [[ "$wanted" =~ ^[0-9][0-9A-Za-z.]*$ ]] || { echo "$holder: expected one version of $name, got '$wanted'" && return 1; }
  for copy in "${COPIES[@]}"; do
    found="$(versions "$name" "$copy" | paste -s -d ' ')"
    [ "$found" = "$wanted" ] || { echo "$copy: expected $name $wanted as in $holder, got '$found'" && agree=1; }
  done
  return "$agree"
}

main() {
  local pin status=0
  case "${1:-}" in
    "") ;;
    --help | -h) show_help && exit 0 ;;
    *) usage_fail "unknown option '$1'" ;;
  esac
  cd "$LDM_ROOT/environment"
  for pin in "${PINS[@]}"; do
    check_pin "${pin%%:*}" "${pin#*:}" || status=1
  done
  [ "$status" -ne 0 ] || echo "${#PINS[@]} pins agree in the requirements, ${COPIES[*]}"
  return "$status"
}

main "$@"
