#!/usr/bin/env bash
# Measures the project beside diffusers, transformers and OpenVINO on this machine: one table of ratios and aims.
#
# usage: bash tests/benchmarks/peers.sh [option...]
#
#   --venv DIR       a virtual environment to make or to use again, and keep (default: one that is removed at the end)
#   --ckpt FILE      a full-size checkpoint (default: one with made-up weights, 4.3 GB, that is removed at the end; in
#                    either case a copy in float16, 2.1 GB, is made and removed, too)
#   --rounds N       steps of each side that count (default: 5)
#   --threads N      of each side (default: 2)
#   --only NAME,...  some of: cfg-fp32, cfg-bf16, vae-fp32, vae-bf16, clip, start, batch, threads, sizes
#   --quick          one round, and no size above 512x512
#   --help           this text
#
# It installs the peers with pip from the package index, builds bench_model and make_checkpoint in build, and runs
# tests/benchmarks/peers.py. What it makes lies in a temporary folder outside the repository (TMPDIR, or /tmp). Where
# OpenVINO cannot be installed, its rows are marked as not measured. Keep the machine idle. Logs: build/log.
#
# environment: LDM_PYTHON  the Python to make the virtual environment with (3.10 to 3.14; default: python3)
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../environment/common.sh"

CONFIG=configs/stable-diffusion/v1-inference.yaml
PEERS=(torch==2.11.0 diffusers==0.42.1 transformers accelerate numpy safetensors)
OPENVINO='openvino>=2026,<2027'
VENV=""
CKPT=""
WORK=""
FORWARDED=() # what peers.py reads itself

cleanup() { [ -z "$WORK" ] || rm -rf "$WORK"; }

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --quick)
        FORWARDED+=("$1")
        shift
        continue
        ;;
      --venv | --ckpt | --rounds | --threads | --only)
        [ -n "${2:-}" ] || usage_fail "expected a value after $1, got none"
        ;;
      *) usage_fail "unknown option '$1'" ;;
    esac
    case "$1" in
      --venv) VENV="$(realpath -m -- "$2")" ;;
      --ckpt) CKPT="$(realpath -m -- "$2")" ;;
      --only) FORWARDED+=("$1" "$2") ;;
      *)
        is_count "$2" || usage_fail "expected a whole number from 1 after $1, got '$2'"
        FORWARDED+=("$1" "$2")
        ;;
    esac
    shift 2
  done
  [ -z "$CKPT" ] || [ -f "$CKPT" ] || usage_fail "expected a checkpoint after --ckpt, found no file $CKPT"
}

build_programs() {
  [ -f build/CMakeCache.txt ] || fail "expected a build in build, found none; run: bash scripts/test.sh --quick"
  run_logged peers-build "building bench_model, make_checkpoint and ckpt" \
    cmake --build build --target bench_model make_checkpoint ckpt ||
    fail "the build failed (it needs LDM_DEVELOPER=ON, as scripts/test.sh sets); its log is $LDM_LOGS/peers-build.log"
}

# pip_install NAME PACKAGE...: into the peers' environment.
pip_install() {
  local name="$1"
  shift
  run_logged "$name" "pip: installing $*" \
    "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check "$@"
}

make_venv() {
  if [ -z "$VENV" ]; then
    VENV="$WORK/venv"
    need_space "$WORK" 9000 "the peers' environment"
  fi
  if [ ! -x "$VENV/bin/python" ]; then
    run_logged peers-venv "python: making $VENV" "${LDM_PYTHON:-python3}" -m venv "$VENV" ||
      fail "python could not make a virtual environment in $VENV; log: $LDM_LOGS/peers-venv.log"
  fi
  pip_install peers-pip "${PEERS[@]}" || fail "pip could not install the peers; log: $LDM_LOGS/peers-pip.log"
  pip_install peers-openvino "$OPENVINO" ||
    warn "pip could not install $OPENVINO: without OpenVINO its rows are marked as not measured"
}

make_checkpoint() {
  [ -z "$CKPT" ] || return 0
  CKPT="$WORK/v1.ckpt"
  need_space "$WORK" 4500 "the checkpoint"
  run_logged peers-checkpoint "writing a checkpoint with made-up weights" \
    build/bin/make_checkpoint --config "$CONFIG" --output "$CKPT" ||
    fail "make_checkpoint failed; log: $LDM_LOGS/peers-checkpoint.log"
}

# The same in float16.
make_half_checkpoint() {
  need_space "$WORK" 2300 "the checkpoint in float16"
  run_logged peers-half "writing the checkpoint in float16" \
    build/bin/ckpt convert "$CKPT" "$WORK/half.safetensors" --dtype fp16 ||
    fail "ckpt convert failed; log: $LDM_LOGS/peers-half.log"
}

main() {
  parse_arguments "$@"
  cd "$LDM_ROOT"
  LDM_LOGS="$LDM_ROOT/build/log"
  use_build_tools
  build_programs
  WORK="$(mktemp -d "${TMPDIR:-/tmp}/ldm-peers.XXXXXX")"
  make_venv
  make_checkpoint
  make_half_checkpoint
  stage "measuring; the table comes at the end"
  "$VENV/bin/python" tests/benchmarks/peers.py --ckpt "$CKPT" --half-ckpt "$WORK/half.safetensors" "${FORWARDED[@]}"
}

main "$@"
