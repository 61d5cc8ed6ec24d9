#!/usr/bin/env bash
# Builds the fuzzers with clang in build-fuzz and runs them. README.md beside this file says what each covers.
#
# usage: tests/fuzz/run.sh [option...] [TARGET...]
#
#   --seconds N      each target runs for N seconds (default: 60)
#   --cpu-seconds N  each target runs until it has used N seconds of processor time, however long that takes
#   --jobs N         targets at a time, and compilations (default: 2)
#   --build-only     builds and runs nothing
#   --help           this text
#
# Without TARGET all of them. What is found stays in build-fuzz/corpus/TARGET, from which the next run starts; inputs
# that fail go to build-fuzz/findings/TARGET, logs to build-fuzz/log. The exit status is 1 if there was a finding.
#
# environment: LDM_YAML_CPP_SOURCE  a folder with the source of yaml-cpp, to look inside it too
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../environment/common.sh"

FOLDER="$LDM_ROOT/build-fuzz"
HERE="$LDM_ROOT/tests/fuzz"
LDM_LOGS="$FOLDER/log"
ALL_TARGETS=(zip legacy safetensors index pickle yaml)
TARGETS=()
SECONDS_EACH=60
CPU_SECONDS=""
JOBS=2
BUILD_ONLY=no
ROUND=300 # seconds after which a run by processor time looks at its clock
RUNNING=()

# The longest input, in bytes. Small ones are quick, and everything that the readers do fits into them.
declare -A MAX_LENGTH=([zip]=8192 [legacy]=4096 [safetensors]=4096 [index]=2048 [pickle]=4096 [yaml]=2048)
declare -A DICTIONARIES=([zip]="zip pickle" [legacy]=pickle [safetensors]=safetensors [index]=safetensors)
DICTIONARIES+=([pickle]=pickle [yaml]=yaml)

cleanup() { [ "${#RUNNING[@]}" -eq 0 ] || kill "${RUNNING[@]}" 2>/dev/null || true; }

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --build-only) BUILD_ONLY=yes ;;
      --seconds | --cpu-seconds | --jobs)
        is_count "${2:-}" || usage_fail "expected a whole number from 1 after $1, got '${2:-}'"
        case "$1" in
          --seconds) SECONDS_EACH="$2" ;;
          --cpu-seconds) CPU_SECONDS="$2" ;;
          --jobs) JOBS="$2" ;;
        esac
        shift
        ;;
      -*) usage_fail "unknown option '$1'" ;;
      *)
        [ -n "${MAX_LENGTH[$1]:-}" ] || usage_fail "expected a target (${ALL_TARGETS[*]}), got '$1'"
        TARGETS+=("$1")
        ;;
    esac
    shift
  done
  [ "${#TARGETS[@]}" -gt 0 ] || TARGETS=("${ALL_TARGETS[@]}")
}

build_fuzzers() {
  command -v clang++ >/dev/null || fail "expected clang++ for the fuzzers, found none; run environment/setup.sh"
  run_logged configure "configuring in build-fuzz" cmake -S "$HERE" -B "$FOLDER" -G Ninja \
    -DCMAKE_CXX_COMPILER=clang++ "-DLDM_YAML_CPP_SOURCE=${LDM_YAML_CPP_SOURCE:-}" ||
    fail "cmake could not configure; its whole output is in $LDM_LOGS/configure.log"
  build build-fuzz "$JOBS" "${TARGETS[@]/#/fuzz_}"
}

# prepare TARGET: its folders and its dictionary.
prepare() {
  local name
  mkdir -p "$FOLDER"/{corpus,findings}/"$1" "$FOLDER/dictionaries"
  for name in ${DICTIONARIES[$1]}; do cat "$HERE/dictionaries/$name.dict"; done >"$FOLDER/dictionaries/$1.dict"
}

# run_round TARGET SECONDS: one run of libFuzzer, its output behind the log's end.
run_round() {
  local status=0 pid starts=("$HERE/seeds/$1")
  [ ! -d "$HERE/regressions/$1" ] || starts+=("$HERE/regressions/$1")
  "$FOLDER/fuzz_$1" "$FOLDER/corpus/$1" "${starts[@]}" -dict="$FOLDER/dictionaries/$1.dict" \
    -max_len="${MAX_LENGTH[$1]}" -max_total_time="$2" -timeout=5 -rss_limit_mb=1280 -malloc_limit_mb=256 \
    -use_value_profile=1 -entropic=0 -print_final_stats=1 \
    -artifact_prefix="$FOLDER/findings/$1/" >>"$LDM_LOGS/$1.log" 2>&1 &
  pid=$!
  # shellcheck disable=SC2064  # this round's process
  trap "kill $pid 2>/dev/null; exit 143" TERM
  wait "$pid" || status=$?
  trap - TERM
  return "$status"
}

# look_at_clock TARGET: sets CPU_USED to the seconds of processor time, user's and system's, of the rounds so far.
look_at_clock() {
  # shellcheck disable=SC2016  # awk's own fields
  local sum='NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += t[1] * 60 + t[2] } print int(sum) }'
  times >"$LDM_LOGS/$1.times" # not in a subshell, which has no children of its own
  CPU_USED="$(awk "$sum" "$LDM_LOGS/$1.times")"
}

# sum_of TARGET STATISTIC: over all rounds in the log.
sum_of() { awk -v key="stat::$2:" '$1 == key { sum += $2 } END { print sum + 0 }' "$LDM_LOGS/$1.log"; }

# last_of TARGET WORD: the number behind the last `WORD: ` in the log.
last_of() { grep -oE "$2: [0-9]+" "$LDM_LOGS/$1.log" | tail -n 1 | cut -d ' ' -f 2 || true; }

# run_target TARGET: rounds until the time is used up or something is found; leaves one line in TARGET.result.
run_target() {
  local status=0 left
  CPU_USED=0
  : >"$LDM_LOGS/$1.log"
  if [ -z "$CPU_SECONDS" ]; then
    run_round "$1" "$SECONDS_EACH" || status=$?
    look_at_clock "$1"
  fi
  while [ -n "$CPU_SECONDS" ] && [ "$status" -eq 0 ] && [ "$CPU_USED" -lt "$CPU_SECONDS" ]; do
    left=$((CPU_SECONDS - CPU_USED))
    run_round "$1" $((left < ROUND ? left : ROUND)) || status=$?
    look_at_clock "$1"
    stage "  $1: $CPU_USED of $CPU_SECONDS s, $(sum_of "$1" number_of_executed_units) executions"
  done
  printf '%-12s %12s %8s %7s %9s %7s %s\n' "$1" "$(sum_of "$1" number_of_executed_units)" "$CPU_USED" \
    "$(last_of "$1" cov)" "$(last_of "$1" ft)" "$(find "$FOLDER/corpus/$1" -type f | wc -l)" \
    "$([ "$status" -eq 0 ] && echo none || echo "FOUND (status $status, $LDM_LOGS/$1.log)")" >"$LDM_LOGS/$1.result"
  return "$status"
}

# run_targets: at most JOBS at a time.
run_targets() {
  local target
  for target in "${TARGETS[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n || true; done
    prepare "$target"
    rm -f "$LDM_LOGS/$target.result"
    stage "fuzzing $target"
    run_target "$target" &
    RUNNING+=("$!")
  done
  wait "${RUNNING[@]}"
  RUNNING=()
}

report() {
  local target
  printf '%-12s %12s %8s %7s %9s %7s %s\n' target executions 'CPU s' edges features corpus findings
  for target in "${TARGETS[@]}"; do cat "$LDM_LOGS/$target.result"; done
}

main() {
  parse_arguments "$@"
  cd "$LDM_ROOT"
  mkdir -p "$LDM_LOGS"
  use_build_tools
  build_fuzzers
  [ "$BUILD_ONLY" = no ] || exit 0
  export ASAN_OPTIONS="${ASAN_OPTIONS:-quarantine_size_mb=32}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
  run_targets
  report
  ! report | grep -q FOUND ||
    fail "a fuzzer has found something: the input is in build-fuzz/findings, and tests/fuzz/README.md says what to do"
}

main "$@"
