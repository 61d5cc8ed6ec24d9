#!/usr/bin/env bash
# Shows the full-size Stable Diffusion v1 network at work, without any downloaded weights.
#
# usage: scripts/demo.sh [--keep] [--jobs N] [--help]
#
#   --keep    keep the checkpoint (4.3 GB) that this run writes; the next run then starts from it
#   --jobs N  compilations at a time (default: one for each core, as far as memory allows at 2.5 GB each)
#   --help    this text
#
# 1. sets up what is missing and builds the two programs that are needed;
# 2. writes a checkpoint of v1-inference.yaml at full size, outputs/demo/rule-v1.ckpt. Its weights are computed by a
#    rule from their names, so it paints no pictures, but every number that the network gives is known;
# 3. runs the text encoder, the UNet, the VAE's encoder and its decoder on it, and compares what comes out with what
#    the original Python code gave for the same weights and inputs.
#
# Needs about 8 GB of free disk space and 6 GB of free memory. Logs: build/log.
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment/common.sh"

CONFIG=configs/stable-diffusion/v1-inference.yaml
CHECKPOINT=outputs/demo/rule-v1.ckpt
GOLDENS=(tests/goldens/full_{clip_text,unet_b2,vae_encode,vae_decode}.safetensors)
KEEP=no
JOBS=""
WRITTEN=no

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --keep) KEEP=yes ;;
      --jobs)
        is_count "${2:-}" || usage_fail "expected a whole number from 1 after --jobs, got '${2:-}'"
        JOBS="$2"
        shift
        ;;
      *) usage_fail "unknown option '$1'" ;;
    esac
    shift
  done
}

# What this run wrote goes again, also when a later step fails; what was there before stays.
cleanup() {
  [ "$WRITTEN" = yes ] && [ "$KEEP" = no ] && [ -f "$LDM_ROOT/$CHECKPOINT" ] || return 0
  rm -f "$LDM_ROOT/$CHECKPOINT"
  stage "removed $CHECKPOINT (--keep keeps it)"
}

check_machine() {
  [ -f "$CHECKPOINT" ] || need_space "$LDM_ROOT" 8192 "the demo"
  need_memory 6144 "the demo"
}

write_checkpoint() {
  if [ -f "$CHECKPOINT" ]; then
    stage "$CHECKPOINT is there already ($(file_size "$CHECKPOINT"))"
    return
  fi
  local begun=$SECONDS
  mkdir -p "${CHECKPOINT%/*}"
  WRITTEN=yes
  run_logged make_checkpoint "writing $CHECKPOINT, all weights of $CONFIG by the rule" \
    build/bin/make_checkpoint --config "$CONFIG" --salt 0 --output "$CHECKPOINT" ||
    { rm -f "$CHECKPOINT" && fail "make_checkpoint failed; its whole output is in $LDM_LOGS/make_checkpoint.log"; }
  stage "wrote $CHECKPOINT: $(file_size "$CHECKPOINT") in $((SECONDS - begun)) s"
}

# compare: parity's own report is the demo's result, so it is shown as it comes.
compare() {
  local begun=$SECONDS status=0
  stage "comparing text encoder, UNet, VAE encoder and VAE decoder with the original's numbers"
  build/bin/parity --weights "$CHECKPOINT" "${GOLDENS[@]}" 2>&1 | tee "$LDM_LOGS/parity.log" ||
    status="${PIPESTATUS[0]}"
  [ "$status" -eq 0 ] || fail "parity ended with status $status; its whole output is in $LDM_LOGS/parity.log"
  stage "all four parts agree with the original ($((SECONDS - begun)) s)"
}

main() {
  parse_arguments "$@"
  cd "$LDM_ROOT"
  stage "demo: the full-size v1 network with computed weights, compared with the original's numbers; no pictures yet"
  check_machine
  bash environment/setup.sh
  LDM_LOGS="$LDM_ROOT/build/log"
  use_build_tools
  configure build
  build build "${JOBS:-$(default_jobs)}" make_checkpoint parity
  write_checkpoint
  compare
}

main "$@"
