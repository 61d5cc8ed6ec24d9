#!/usr/bin/env bash
# Makes this machine ready to build the project, or says in one line what is in the way.
#
# usage: environment/setup.sh [--cpu | --cuda | --vocabulary] [--help]
#
#   --cpu         only what LibTorch's CPU library loads, also where there is an NVIDIA driver (about 1.3 GB)
#   --cuda        everything that torch needs on an NVIDIA GPU too (about 5 GB)
#   --vocabulary  only CLIP's merges table, for environments that are not made by this script
#   --help        this text
#
# Without an option: --cuda where an NVIDIA driver is present, else --cpu.
#
# It installs the system's packages that are missing (as root or through sudo), and makes .venv at the top of the
# repository with the versions pinned in environment/requirements*.txt. Run again, it sees that all is there and ends
# within a second. Supported: Debian 12 and later, Ubuntu 22.04 and later, on x86_64. Logs: .venv/log.
#
# environment: LDM_PYTHON      the Python to make .venv with (3.10 to 3.14; default: the first suitable one found)
#              LDM_OS_RELEASE  read instead of /etc/os-release, for trying the check of the system
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

PINS="$LDM_ROOT/environment"
STAMP="$LDM_VENV/setup.stamp"
SCRATCH="$LDM_VENV/tmp"
VOCABULARY="$LDM_VENV/share/ldm/bpe_simple_vocab_16e6.txt"
VOCABULARY_SHA256=67603cfda2e032ad77b5f8808af37789d590db664b26df8705d2bf8b3c553fc8
OLDEST_CMAKE=3.25
VARIANT=""

# What the build and the tests need from the system, in the order: compilers, tools, libraries.
PACKAGES=(
  g++ ninja-build ccache clang-format git ca-certificates
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev
  libyaml-cpp-dev libcxxopts-dev nlohmann-json3-dev libutf8proc-dev libpng-dev zlib1g-dev libssl-dev
  libjemalloc-dev # for train
  libgtest-dev libgmock-dev libbenchmark-dev
  qemu-user # for trying a processor without AVX-512
  libfreetype-dev fonts-noto-color-emoji # for the demo's data
  clang # for the fuzzers
)
# What clang links into a fuzzer. Where there is no such package (Ubuntu 22.04), clang brings it itself.
FUZZER_PACKAGE=libclang-rt-dev

cleanup() { rm -rf "$SCRATCH"; }

parse_arguments() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --help | -h) show_help && exit 0 ;;
      --cpu | --cuda | --vocabulary)
        [ -z "$VARIANT" ] || usage_fail "expected one of --cpu, --cuda and --vocabulary, got --$VARIANT and $argument"
        VARIANT="${argument#--}"
        ;;
      *) usage_fail "unknown option '$argument'" ;;
    esac
  done
}

# ---- the system ----

check_system() {
  local file="${LDM_OS_RELEASE:-/etc/os-release}" id version name machine
  machine="$(uname -m)"
  [ "$machine" = x86_64 ] || fail "unsupported machine: expected x86_64, found $machine"
  [ -r "$file" ] || fail "unsupported system: expected Debian 12+ or Ubuntu 22.04+, found no $file"
  id="$(os_release "$file" ID)"
  version="$(os_release "$file" VERSION_ID)"
  name="$(os_release "$file" PRETTY_NAME)"
  case "$id" in
    debian) version_at_least "${version:-999}" 12 && return ;; # testing and unstable carry no number
    ubuntu) version_at_least "${version:-0}" 22.04 && return ;;
  esac
  fail "unsupported system: expected Debian 12+ or Ubuntu 22.04+, found ${name:-"$id $version"} in $file"
}

# os_release FILE KEY: the value, without quotes.
os_release() { sed -n "s/^$2=//p" "$1" | tr -d "\"'" | head -n 1; }

# version_at_least FOUND WANTED: compares dotted numbers.
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

driver_present() {
  [ -r /proc/driver/nvidia/version ] || { command -v nvidia-smi && nvidia-smi -L; } >/dev/null 2>&1
}

cmake_recent() {
  local found
  found="$(cmake --version 2>/dev/null | awk 'NR == 1 { print $3 }')"
  [ -n "$found" ] && version_at_least "$found" "$OLDEST_CMAKE"
}

# has_fuzzer: whether clang's libFuzzer and sanitizers are there, whichever package brought them.
has_fuzzer() { compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a' >/dev/null; }

# missing_packages: names of the packages still to be installed, one a line. Python only if no suitable one is found.
missing_packages() {
  local wanted=("${PACKAGES[@]}") present name
  cmake_recent || wanted+=(cmake)
  has_fuzzer || wanted+=("$FUZZER_PACKAGE")
  venv_works || find_python >/dev/null || wanted+=(python3 python3-venv)
  # shellcheck disable=SC2016  # dpkg-query's own variables
  present=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' "${wanted[@]}" 2>/dev/null || true)"
  for name in "${wanted[@]}"; do
    [[ "$present" == *" $name:installed "* ]] || echo "$name"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$EUID" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "not root, and no sudo found: as root, run: apt-get install ${missing[*]}"
  fi
  need_space / 1800 "installing the system's packages"
  run_logged apt "apt: installing ${missing[*]}" apt_install "${missing[@]}" || explain_apt "$LDM_LOGS/apt.log"
}

apt_install() {
  local names=() name
  as_root apt-get update || return
  for name in "$@"; do
    [ "$name" = "$FUZZER_PACKAGE" ] && [ -z "$(apt-cache madison "$name")" ] || names+=("$name")
  done
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${names[@]}"
}

# as_root COMMAND...: through sudo where needed, which may ask for a password only if there is somebody to ask.
as_root() {
  if [ "$EUID" -eq 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

explain_apt() {
  local network='Could not resolve|Could not connect|Failed to fetch|Unable to connect|Temporary failure|unreachable'
  ! grep -q 'No space left' "$1" || fail "apt found no space left on the disk; log: $1"
  ! grep -qE 'sudo: .*(password|terminal)|not in the sudoers' "$1" || fail "not root, and sudo refused; log: $1"
  ! grep -q 'Could not get lock' "$1" || fail "another package manager holds apt's lock; run this again when it is done"
  ! grep -qE "$network" "$1" || fail "apt cannot reach its package index (no network, or a proxy to set); log: $1"
  fail "apt could not install the packages; log: $1"
}

# ---- Python ----

# suitable PYTHON: true if it is one that torch has wheels for, and can make a virtual environment.
suitable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

# find_python: prints the first suitable one; false if there is none.
find_python() {
  local candidate
  for candidate in "${LDM_PYTHON:-python3}" /usr/bin/python3 python3.13 python3.12 python3.11 python3.10 python3.14; do
    if suitable "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

venv_works() { [ -f "$LDM_VENV/pyvenv.cfg" ] && suitable "$LDM_VENV/bin/python"; }

make_venv() {
  local python
  venv_works && return 0
  python="$(find_python)" || fail "expected Python 3.10 to 3.14 with the modules venv and ensurepip, found none"
  # What a Python that has gone since, or another project's tool, left here.
  rm -rf "${LDM_VENV:?}"/{bin,lib,lib64,include,pyvenv.cfg}
  run_logged venv "python: making .venv with $python" "$python" -m venv "$LDM_VENV" ||
    fail "$python could not make a virtual environment in $LDM_VENV; log: $LDM_LOGS/venv.log"
}

# pip COMMAND ARGUMENT...: the given Python's pip with the user's own configuration, except that a configured --user
# cannot work in a virtual environment. Scratch files stay on the disk whose space was checked.
pip() {
  local command="$1"
  shift
  TMPDIR="$SCRATCH" PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "${PYTHON:-$LDM_VENV/bin/python}" -m pip "$command" \
    --no-input --no-deps --only-binary :all: "$@"
}

# pip_logged NAME TEXT COMMAND ARGUMENT...
pip_logged() {
  local name="$1" text="$2"
  shift 2
  mkdir -p "$SCRATCH"
  run_logged "$name" "$text" pip "$@" || explain_pip "$LDM_LOGS/$name.log"
}

explain_pip() {
  local network='NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|NameResolution|Temporary failure|Max retries'
  network+='|Connection broken|Connection refused|unreachable|SSLError'
  ! grep -qE 'No space left|Disk quota' "$1" || fail "pip found no space left on the disk; log: $1"
  ! grep -qE "$network" "$1" || fail "pip cannot reach its package index (no network, or a proxy to set); log: $1"
  ! grep -q 'No matching distribution' "$1" || fail "pip's package index lacks a pinned version; log: $1"
  ! grep -q 'DO NOT MATCH' "$1" || fail "a downloaded package differs from its pinned hash; log: $1"
  fail "pip could not install the pinned packages; log: $1"
}

install_requirements() {
  local list="$PINS/requirements.txt" space=3000
  if [ "$VARIANT" = cuda ]; then
    list="$PINS/requirements-cuda.txt"
    space=11000
  fi
  [ "$(stamped_variant)" = "$VARIANT" ] || need_space "$LDM_VENV" "$space" "downloading and installing torch ($VARIANT)"
  pip_logged pip "pip: installing ${list##*/}" install -r "$list"
  cmake_recent ||
    pip_logged pip-build "pip: installing cmake and ninja" install -r "$PINS/requirements-build.txt"
}

torch_library() { compgen -G "$LDM_VENV/lib/python3*/site-packages/torch/lib/libtorch_cpu.so" | head -n 1; }

# check_libraries: whether everything that LibTorch's CPU library loads is found.
check_libraries() {
  local library missing
  library="$(torch_library)"
  [ -n "$library" ] || fail "expected torch/lib/libtorch_cpu.so in $LDM_VENV, found none; remove .venv and run this again"
  missing="$(ldd "$library" | awk '/not found/ { print $1 }' | paste -s -d ' ')"
  [ -z "$missing" ] || fail "LibTorch's CPU library needs $missing, not found; remove .venv and run this again"
}

# ---- CLIP's merges table ----

vocabulary_right() { [ "$(sha256sum "$VOCABULARY" 2>/dev/null | cut -d ' ' -f 1)" = "$VOCABULARY_SHA256" ]; }

fetch_vocabulary() {
  ! vocabulary_right || return 0
  need_space "$LDM_VENV" 20 "CLIP's merges table"
  pip_logged vocabulary "pip: fetching CLIP's merges table" download -d "$SCRATCH" -r "$PINS/requirements-clip.txt"
  mkdir -p "${VOCABULARY%/*}"
  take_vocabulary "$SCRATCH"/open_clip_torch-*.whl "$VOCABULARY.part"
  mv "$VOCABULARY.part" "$VOCABULARY"
  vocabulary_right || fail "expected SHA-256 $VOCABULARY_SHA256 of $VOCABULARY, got another; remove it, run this again"
}

# take_vocabulary WHEEL FILE: the table, unpacked.
take_vocabulary() {
  "${PYTHON:-$LDM_VENV/bin/python}" - "$@" <<'PYTHON_END' || fail "could not unpack CLIP's merges table from $1"
import gzip, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, open(sys.argv[2], "wb") as out:
    out.write(gzip.decompress(wheel.read("open_clip/bpe_simple_vocab_16e6.txt.gz")))
PYTHON_END
}

# ---- the whole ----

# pins_hash: changes with every pin, so that a changed one is installed by the next run.
pins_hash() { cat "$PINS"/requirements*.txt <(echo "$VOCABULARY_SHA256") | sha256sum | cut -d ' ' -f 1; }

# stamped_variant: cpu or cuda if .venv was finished with today's pins; else false.
stamped_variant() {
  local variant hash
  read -r variant hash 2>/dev/null <"$STAMP" && [ "$hash" = "$(pins_hash)" ] && echo "$variant"
}

# ready: true if an earlier run has left nothing to do. What was made for CUDA serves the CPU too.
ready() {
  local variant
  variant="$(stamped_variant)" || return 1
  [ "$variant" = "$VARIANT" ] || [ "$variant" = cuda ] || return 1
  [ -n "$(torch_library)" ] && vocabulary_right && venv_works && [ -z "$(missing_packages)" ]
}

# lock: one setup at a time; a second one waits and then finds all done.
lock() {
  mkdir -p "$LDM_VENV" 2>/dev/null || fail "cannot create $LDM_VENV: no right to write there, or the disk is full"
  exec 9>"$LDM_VENV/setup.lock" || fail "cannot write in $LDM_VENV"
  flock -n 9 || { stage "waiting for another setup of this folder" && flock 9; }
}

set_up() {
  rm -f "$STAMP.part"
  install_packages
  make_venv
  install_requirements
  fetch_vocabulary
  check_libraries
  echo "$VARIANT $(pins_hash)" >"$STAMP.part"
  mv "$STAMP.part" "$STAMP"
}

only_vocabulary() {
  PYTHON="$(find_python)" || fail "expected Python 3.10 to 3.14, found none"
  fetch_vocabulary
  stage "CLIP's merges table is in $VOCABULARY"
}

main() {
  parse_arguments "$@"
  check_system
  use_build_tools
  if [ -z "$VARIANT" ]; then
    if driver_present; then VARIANT=cuda; else VARIANT=cpu; fi
  fi
  lock
  if [ "$VARIANT" = vocabulary ]; then
    only_vocabulary
    return
  fi
  if ! ready; then set_up; fi
  stage "environment ready ($(stamped_variant)): LibTorch and CLIP's merges table in $LDM_VENV"
}

main "$@"
