#!/usr/bin/env bash
# Paints a picture with the full-size Stable Diffusion v1 network, and checks the network without any weights at hand.
#
# usage: scripts/full_size.sh [--prompt TEXT] [--steps N] [--size N] [--device NAME] [--keep] [--jobs N] [--help]
#
#   --prompt TEXT  what to paint (default: a photograph of an astronaut riding a horse)
#   --steps N      sampling steps (default: 20)
#   --size N       pixels on each side, a multiple of 8 (default: 512 with real weights, 256 without)
#   --device NAME  cpu, cuda, cuda:N or auto (default: auto)
#   --keep         keep the checkpoint (4.3 GB) that this run writes; the next run then starts from it
#   --jobs N       compilations at a time (default: one for each core, as far as memory allows at 1.5 GB each)
#   --help         this text
#
# 1. sets up what is missing and builds the programs that are needed;
# 2. with your weights at models/ldm/stable-diffusion-v1/model.ckpt (models/README.md says where to get them): paints
#    with them. Without: writes a checkpoint of the same size whose weights are computed by a rule from their names,
#    compares what each part of the network gives with the original Python code's numbers for these weights, and
#    paints with it. SUCH A PICTURE IS NOISE: it shows that everything runs, and how fast, not what the model can do;
# 3. says where the picture is: outputs/full-size/samples.
#
# Needs about 8 GB of free disk space and 6 GB of free memory. Logs: build/log.
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment/common.sh"

CONFIG=configs/stable-diffusion/v1-inference.yaml
WEIGHTS=models/ldm/stable-diffusion-v1/model.ckpt
OUTPUT=outputs/full-size
RULE_CHECKPOINT=$OUTPUT/rule-v1.ckpt
GOLDENS=(tests/goldens/full_{clip_text,unet_b2,vae_encode,vae_decode}.safetensors)
PROMPT="a photograph of an astronaut riding a horse"
STEPS=20
SIZE=""
DEVICE=auto
KEEP=no
JOBS=""
WRITTEN=no

# count_after OPTION VALUE: fails unless the value is a whole number from 1 up.
count_after() { is_count "$2" || usage_fail "expected a whole number from 1 after $1, got '$2'"; }

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --keep)
        KEEP=yes
        shift
        continue
        ;;
      --prompt | --device | --steps | --size | --jobs) [ $# -gt 1 ] || usage_fail "expected a value after $1, got none" ;;
      *) usage_fail "unknown option '$1'" ;;
    esac
    case "$1" in
      --prompt) PROMPT="$2" ;;
      --device) DEVICE="$2" ;;
      --steps) count_after "$1" "$2" && STEPS="$2" ;;
      --size) count_after "$1" "$2" && SIZE="$2" ;;
      --jobs) count_after "$1" "$2" && JOBS="$2" ;;
    esac
    shift 2
  done
}

have_weights() { [ -e "$WEIGHTS" ] || [ -L "$WEIGHTS" ]; }

# What this run wrote goes again, also when a later step fails; what was there before stays.
cleanup() {
  [ "$WRITTEN" = yes ] && [ "$KEEP" = no ] && [ -f "$LDM_ROOT/$RULE_CHECKPOINT" ] || return 0
  rm -f "$LDM_ROOT/$RULE_CHECKPOINT"
  stage "removed $RULE_CHECKPOINT (--keep keeps it)"
}

check_machine() {
  have_weights || [ -f "$RULE_CHECKPOINT" ] || need_space "$LDM_ROOT" 8192 "this script"
  need_memory 6144 "this script"
}

write_checkpoint() {
  if [ -f "$RULE_CHECKPOINT" ]; then
    stage "$RULE_CHECKPOINT is there already ($(file_size "$RULE_CHECKPOINT"))"
    return
  fi
  local begun=$SECONDS
  mkdir -p "${RULE_CHECKPOINT%/*}"
  WRITTEN=yes
  run_logged make_checkpoint "writing $RULE_CHECKPOINT, all weights of $CONFIG by the rule" \
    build/bin/make_checkpoint --config "$CONFIG" --salt 0 --output "$RULE_CHECKPOINT" ||
    { rm -f "$RULE_CHECKPOINT" && fail "make_checkpoint failed; its whole output is in $LDM_LOGS/make_checkpoint.log"; }
  stage "wrote $RULE_CHECKPOINT: $(file_size "$RULE_CHECKPOINT") in $((SECONDS - begun)) s"
}

# compare: parity's own report is a result, so it is shown as it comes.
compare() {
  local begun=$SECONDS status=0
  stage "comparing text encoder, UNet, VAE encoder and VAE decoder with the original's numbers"
  build/bin/parity --weights "$RULE_CHECKPOINT" "${GOLDENS[@]}" 2>&1 | tee "$LDM_LOGS/parity.log" ||
    status="${PIPESTATUS[0]}"
  [ "$status" -eq 0 ] || fail "parity ended with status $status; its whole output is in $LDM_LOGS/parity.log"
  stage "all four parts agree with the original ($((SECONDS - begun)) s)"
}

# paint CHECKPOINT PIXELS: txt2img's own report is shown as it comes.
paint() {
  local begun=$SECONDS status=0
  stage "painting '$PROMPT' with $1"
  build/bin/txt2img --config "$CONFIG" --ckpt "$1" --device "$DEVICE" --prompt "$PROMPT" --ddim_steps "$STEPS" \
    --H "$2" --W "$2" --n_iter 1 --n_samples 1 --skip_grid --outdir "$OUTPUT" || status=$?
  [ "$status" -eq 0 ] || fail "txt2img ended with status $status"
  stage "painted in $((SECONDS - begun)) s; the picture is in $OUTPUT/samples"
}

main() {
  parse_arguments "$@"
  cd "$LDM_ROOT"
  if have_weights; then
    stage "your weights at $WEIGHTS"
  else
    stage "no weights at $WEIGHTS; computed ones take their place, and the picture WILL BE NOISE"
  fi
  check_machine
  bash environment/setup.sh
  LDM_LOGS="$LDM_ROOT/build/log"
  use_build_tools
  configure build
  build build "${JOBS:-$(default_jobs)}" txt2img make_checkpoint parity
  if have_weights; then
    paint "$WEIGHTS" "${SIZE:-512}"
    return
  fi
  write_checkpoint
  compare
  paint "$RULE_CHECKPOINT" "${SIZE:-256}"
  stage "that picture is noise, as computed weights can only make; models/README.md says where to get real ones"
}

main "$@"
