#!/usr/bin/env bash
# Makes the demo model from nothing: its data, its first stage, its diffusion model, and the measure of what it can do.
#
# usage: scripts/train_demo.sh [--folder DIR] [--out DIR] [--jobs N] [--help]
#
#   --folder DIR  where the runs go (default: logs/demo)
#   --out DIR     where the model goes (default: models/ldm/demo)
#   --jobs N      compilations at a time (default: one for each core, as far as memory allows at 1.5 GB each)
#   --help        this text
#
# Takes about an hour and a half, of which the measuring is a quarter, on two idle cores with AVX-512 and bf16; more cores
# help, other programs hurt a lot. Stopped at
# any moment and started again it goes on where it was. Logs: build/log.
#
#   1. data/demo: pictures of emoji on coloured backgrounds, with captions (make_demo_data)
#   2. the first stage on crops, then on whole pictures (train, configs/demo/autoencoder*.yaml)
#   3. UNet and text encoder together (train, configs/demo/latent-diffusion.yaml)
#   4. OUT/model.ckpt: both sets of weights in float16, OUT/*.csv: the curves, OUT/evaluation.json (evaluate_demo)
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment/common.sh"

FOLDER=logs/demo
OUT=models/ldm/demo
JOBS=""
SEED=23
TRAINING=""

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --folder | --out | --jobs) [ -n "${2:-}" ] || usage_fail "expected a value after $1, got none" ;;
      *) usage_fail "unknown option '$1'" ;;
    esac
    case "$1" in
      --folder) FOLDER="$2" ;;
      --out) OUT="$2" ;;
      --jobs) is_count "$2" || usage_fail "expected a whole number from 1 after --jobs, got '$2'" && JOBS="$2" ;;
    esac
    shift 2
  done
}

# A training that is under way saves itself before this script ends.
cleanup() {
  [ -z "$TRAINING" ] || { kill -TERM "$TRAINING" 2>/dev/null && wait "$TRAINING"; } || true
}

# lock: of two of these scripts in one folder the second ends; so does one whose training is still under way. The lock is
# held as long as this script or its training lives.
lock() {
  mkdir -p "$FOLDER"
  exec {LOCK}>"$FOLDER/lock"
  flock -n "$LOCK" || fail "expected to be alone in $FOLDER, found a training under way there"
}

make_data() {
  [ ! -f data/demo/captions.txt ] || { stage "data/demo is there already" && return; }
  run_logged make_demo_data "making data/demo" build/bin/make_demo_data --outdir data/demo --seed "$SEED" ||
    fail "make_demo_data failed; its whole output is in $LDM_LOGS/make_demo_data.log"
}

# train_stage NAME OPTION...: trains a run of that name to its end, from its last checkpoint where there is one, and
# leaves the path of its last checkpoint in FOLDER/NAME.done.
train_stage() {
  local name="$1" begun=$SECONDS run options status=0
  shift
  [ ! -f "$FOLDER/$name.done" ] || { stage "$name is trained already" && return; }
  run="$(find "$FOLDER" -maxdepth 1 -type d -name "*_$name" | sort | tail -n 1)"
  if [ -n "$run" ] && [ -f "$run/checkpoints/last.ckpt" ]; then
    stage "training $name: going on with $run"
    options=(--resume "$run")
  else
    stage "training $name"
    options=(--name "$name" --logdir "$FOLDER" "$@")
  fi
  build/bin/train "${options[@]}" --seed "$SEED" --train --scale_lr false --no-test >"$FOLDER/$name.out" &
  TRAINING=$!
  wait "$TRAINING" || status=$?
  TRAINING=""
  [ "$status" -eq 0 ] || fail "train ended with status $status; start this script again to go on"
  mv "$FOLDER/$name.out" "$FOLDER/$name.done"
  stage "$name trained in $((SECONDS - begun)) s"
}

# last_of NAME: path of the run's last checkpoint.
last_of() { tail -n 1 "$FOLDER/$1.done"; }

# finish: the model, its curves, and what it can do.
finish() {
  local last name
  last="$(last_of diffusion)"
  mkdir -p "$OUT"
  run_logged convert "writing $OUT/model.ckpt" build/bin/ckpt convert "$last" "$OUT/model.ckpt" --force --dtype fp16 \
    --ema keep --deflate --only-tokens data/demo/captions.txt ||
    fail "ckpt convert failed; its whole output is in $LDM_LOGS/convert.log"
  for name in crops pictures diffusion; do
    cp "$(dirname "$(dirname "$(last_of "$name")")")/train.csv" "$OUT/$name.csv"
  done
  stage "measuring what it can do; this takes as long as a good part of the training"
  rm -f "$OUT/evaluation.json"
  build/bin/evaluate_demo --ckpt "$OUT/model.ckpt" --json "$OUT/evaluation.json"
}

main() {
  parse_arguments "$@"
  cd "$LDM_ROOT"
  bash environment/setup.sh
  LDM_LOGS="$LDM_ROOT/build/log"
  use_build_tools
  configure build
  build build "${JOBS:-$(default_jobs)}" train make_demo_data ckpt evaluate_demo
  lock
  make_data
  train_stage crops --base configs/demo/autoencoder.yaml configs/demo/autoencoder-crops.yaml
  train_stage pictures --base configs/demo/autoencoder.yaml --finetune_from "$(last_of crops)"
  train_stage diffusion --base configs/demo/demo-inference.yaml configs/demo/latent-diffusion.yaml \
    "model.params.first_stage_config.params.ckpt_path=$(last_of pictures)"
  finish
  stage "the demo model is in $OUT"
}

main "$@"
