# shellcheck shell=bash
# What the project's shell scripts share. Sourced, never run. It says what is going on in one line per stage, with
# the seconds since the script began; keeps full logs in files; and ends with one line that names the trouble.
# Sourcing scripts set `set -euo pipefail` themselves.

LDM_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
LDM_VENV="$LDM_ROOT/.venv"
LDM_LOGS="${LDM_LOGS:-$LDM_VENV/log}" # scripts that build point this at their build folder
LDM_STARTED="${EPOCHREALTIME/[^0-9]/}"

LDM_BEAT=""

# At the end, whatever it is: no heartbeat stays, and the script's own `cleanup`, where it has one, is called.
on_exit() {
  [ -z "$LDM_BEAT" ] || kill "$LDM_BEAT" 2>/dev/null || true
  if declare -F cleanup >/dev/null; then cleanup; fi
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A closed standard input would lend its number to the next file that is opened.
[ -t 0 ] || exec </dev/null

# elapsed: seconds since the script began, with one decimal.
elapsed() {
  local now="${EPOCHREALTIME/[^0-9]/}"
  local tenths=$(((now - LDM_STARTED) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# stage TEXT: one line of progress.
stage() { printf '[%6s s] %s\n' "$(elapsed)" "$*"; }

# warn TEXT: a line about something that does not stop the script.
warn() { printf '[%6s s] warning: %s\n' "$(elapsed)" "$*" >&2; }

# fail TEXT: the one line that says what is wrong and what to do, then exit 1.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# usage_fail TEXT: as fail, for a wrong command line (exit 2).
usage_fail() {
  printf 'error: %s; see %s --help\n' "$*" "${0##*/}" >&2
  exit 2
}

# show_help: the comment block at the top of the running script, without its first line and the comment signs.
show_help() {
  awk 'NR > 1 { if ($0 !~ /^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# is_count TEXT: true for a whole number from 1 up.
is_count() { [[ "$1" =~ ^[1-9][0-9]*$ ]]; }

# heartbeat TEXT LOG: every 30 seconds a line with the last line of the log. The pause is a read that nobody
# answers, so that no `sleep` is left behind when it is ended.
heartbeat() {
  local pause
  exec {pause}<> <(:)
  while kill -0 $$ 2>/dev/null; do
    read -r -t 30 -u "$pause" || true
    stage "  $1 ... $(tail -c 400 "$2" | tr '\r' '\n' | tail -n 1 | cut -c 1-100)"
  done
}

# run_logged NAME TEXT COMMAND...: runs a command with its output in $LDM_LOGS/NAME.log. When it fails, the log's
# last 20 lines are shown; returns the command's status.
run_logged() {
  local name="$1" text="$2" status=0
  shift 2
  mkdir -p "$LDM_LOGS" || fail "cannot create the log folder $LDM_LOGS"
  local log="$LDM_LOGS/$name.log"
  stage "$text"
  : >"$log" || fail "cannot write the log $log"
  heartbeat "$text" "$log" &
  LDM_BEAT=$!
  "$@" >>"$log" 2>&1 || status=$?
  kill "$LDM_BEAT" 2>/dev/null || true
  wait "$LDM_BEAT" 2>/dev/null || true
  LDM_BEAT=""
  [ "$status" -eq 0 ] || show_log_tail "$log"
  return "$status"
}

# show_log_tail LOG: its last 20 lines, and where it is.
show_log_tail() {
  printf -- '--- last lines of %s\n' "$1" >&2
  tail -n 20 "$1" >&2
  printf -- '---\n' >&2
}

# need_space FOLDER MEGABYTES WHAT: fails unless the disk of FOLDER (or of its nearest parent) has that much free.
need_space() {
  local folder="$1" needed="$2" what="$3" free
  while [ ! -d "$folder" ]; do folder="$(dirname "$folder")"; done
  free="$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }')"
  [[ "$free" =~ ^[0-9]+$ ]] || fail "cannot tell the free disk space of $folder (df gave '$free')"
  [ "$free" -ge "$needed" ] ||
    fail "$what needs about $(gigabytes "$needed") GB of free disk space in $folder, found $(gigabytes "$free") GB"
}

# available_memory: megabytes that can still be used: the kernel's figure, or less where a control group sets less.
available_memory() {
  local free limit used left
  free="$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)"
  if limit="$(cat /sys/fs/cgroup/memory.max 2>/dev/null)" && [[ "$limit" =~ ^[0-9]+$ ]]; then
    used="$(cat /sys/fs/cgroup/memory.current 2>/dev/null || echo 0)"
    left=$(((limit - used) / 1048576))
    [ "$left" -ge "$free" ] || free="$left"
  fi
  echo "$free"
}

# need_memory MEGABYTES WHAT: fails unless that much memory is available.
need_memory() {
  local free
  free="$(available_memory)"
  [ "$free" -ge "$1" ] ||
    fail "$2 needs about $(gigabytes "$1") GB of free memory, found $(gigabytes "$free") GB"
}

# gigabytes MEGABYTES: the same in GB with one decimal, for messages.
gigabytes() { awk -v mb="$1" 'BEGIN { printf "%.1f", mb / 1024 }'; }

# file_size FILE: for messages, such as "4.0 GB" or "3 MB".
file_size() {
  stat -c %s "$1" | awk '{ if ($1 < 1e9) printf "%.0f MB", $1 / 1e6; else printf "%.2f GB", $1 / 1e9 }'
}

# default_jobs: compilations at a time: one for each core, as long as each has 1.5 GB of memory.
default_jobs() {
  local cores by_memory
  cores="$(nproc)"
  by_memory=$(($(available_memory) / 1536))
  [ "$by_memory" -ge "$cores" ] || cores="$by_memory"
  [ "$cores" -ge 1 ] || cores=1
  echo "$cores"
}

# use_build_tools: setup's own cmake and ninja first, where it had to fetch them; and ccache entries that another
# checkout of the project can use too.
use_build_tools() {
  [ ! -x "$LDM_VENV/bin/cmake" ] || PATH="$LDM_VENV/bin:$PATH"
  export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$LDM_ROOT}" CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-true}"
}

# configure FOLDER OPTION...: cmake for a Release build with ninja in that folder of the repository.
configure() {
  local folder="$1"
  shift
  run_logged configure "configuring in $folder" \
    cmake -S "$LDM_ROOT" -B "$LDM_ROOT/$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" ||
    fail "cmake could not configure; its whole output is in $LDM_LOGS/configure.log"
}

# build FOLDER JOBS TARGET...: ninja; without a target everything.
build() {
  local folder="$1" jobs="$2"
  shift 2
  run_logged build "building in $folder, $jobs at a time" ninja -C "$LDM_ROOT/$folder" -j "$jobs" "$@" ||
    fail "the build failed; its whole output is in $LDM_LOGS/build.log"
}
