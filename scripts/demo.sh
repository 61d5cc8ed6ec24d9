#!/usr/bin/env bash
# From a fresh machine to pictures: builds, and paints with the small demo model that comes with the project.
#
# usage: scripts/demo.sh [--prompt TEXT] [--device NAME] [--jobs N] [--help]
#
#   --prompt TEXT  paint this alone, six times
#   --device NAME  cpu, cuda, cuda:N or auto (default: auto)
#   --jobs N       compilations at a time (default: one for each core, as far as memory allows at 1.5 GB each)
#   --help         this text
#
# 1. sets up what is missing and builds txt2img, img2img and contact_sheet;
# 2. outputs/demo/sheet.png: a dozen prompts. UNet and text encoder saw none of these objects on these backgrounds while
#    they trained;
#    outputs/demo/strength.png: img2img, a picture and what another prompt makes of it at rising strength;
#    outputs/demo/ema.png: the same prompts and seeds with averaged weights (above) and with plain ones (below).
#
# Every command is shown as it is run: change the prompt, and run it again. With weights of Stable Diffusion v1 (where to
# put them: models/README.md) txt2img and img2img paint with those; scripts/full_size.sh then paints one picture of
# 512x512. Logs: build/log.
set -euo pipefail
# shellcheck source=environment/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment/common.sh"

OUTPUT=outputs/demo
MODEL=(--config configs/demo/demo-inference.yaml --ckpt models/ldm/demo/model.ckpt)
TXT2IMG=(build/bin/txt2img "${MODEL[@]}" --H 64 --W 64 --f 4 --scale 5 --ddim_steps 25)
PROMPT=""
DEVICE=auto
JOBS=""

parse_arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --help | -h) show_help && exit 0 ;;
      --prompt | --device | --jobs) [ $# -gt 1 ] || usage_fail "expected a value after $1, got none" ;;
      *) usage_fail "unknown option '$1'" ;;
    esac
    case "$1" in
      --prompt) PROMPT="$2" ;;
      --device) DEVICE="$2" ;;
      --jobs) is_count "$2" || usage_fail "expected a whole number from 1 after --jobs, got '$2'" && JOBS="$2" ;;
    esac
    shift 2
  done
}

# paint COMMAND...: shows the command and runs it; its talk goes to a log, its pictures' names to PICTURES.
paint() {
  local begun=$EPOCHREALTIME
  printf '\n$ %s\n' "${*@Q}"
  "$@" >"$LDM_LOGS/demo.pictures" 2>>"$LDM_LOGS/demo.log" || fail "$(tail -n 1 "$LDM_LOGS/demo.log")"
  mapfile -t PICTURES <"$LDM_LOGS/demo.pictures"
  printf '%d pictures in %s s\n' "${#PICTURES[@]}" \
    "$(awk -v a="${begun/,/.}" -v b="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.1f", b - a }')"
}

# sheet NAME COLUMNS PICTURE...: one picture of them all.
sheet() {
  local name="$1" columns="$2"
  shift 2
  rm -f "$OUTPUT/$name.png"
  build/bin/contact_sheet --columns "$columns" --zoom 2 "$OUTPUT/$name.png" "$@" >/dev/null
  printf '%s/%s.png\n' "$OUTPUT" "$name"
}

prompts() {
  cat <<'PROMPTS'
a lion on a pink background
a rocket on a red background
an owl on a light blue background
a dog on a green background
a sunflower on a black background
a hamburger on a purple background
an octopus on a brown background
an ice cream on a yellow background
an alien on a black background
a robot on a blue background
a small rabbit in the top left corner of a light blue background
a frog and a skull on an orange background
PROMPTS
}

demo_sheet() {
  prompts >"$OUTPUT/prompts.txt"
  paint "${TXT2IMG[@]}" --from-file "$OUTPUT/prompts.txt" --n_samples 12 --n_iter 1 --skip_grid --device "$DEVICE" \
    --outdir "$OUTPUT/sheet"
  sheet sheet 6 "${PICTURES[@]}"
  SOURCE="${PICTURES[0]}"
}

demo_strength() {
  local strength series=("$SOURCE")
  for strength in 0.04 0.1 0.2 0.4 1; do
    paint build/bin/img2img "${MODEL[@]}" --f 4 --init-img "$SOURCE" --prompt "a bear on a black background" \
      --strength "$strength" --scale 5 --n_samples 1 --skip_grid --device "$DEVICE" --outdir "$OUTPUT/strength"
    series+=("${PICTURES[0]}")
  done
  sheet strength 6 "${series[@]}"
}

demo_ema() {
  local ema pictures=()
  prompts | tail -n 6 >"$OUTPUT/six_prompts.txt"
  for ema in on off; do
    paint "${TXT2IMG[@]}" --from-file "$OUTPUT/six_prompts.txt" --n_samples 6 --n_iter 1 --skip_grid --ema "$ema" \
      --device "$DEVICE" --outdir "$OUTPUT/ema-$ema"
    pictures+=("${PICTURES[@]}")
  done
  sheet ema 6 "${pictures[@]}"
}

demo_prompt() {
  paint "${TXT2IMG[@]}" --prompt "$PROMPT" --n_samples 6 --n_iter 1 --skip_grid --device "$DEVICE" --outdir "$OUTPUT/prompt"
  sheet prompt 6 "${PICTURES[@]}"
}

main() {
  parse_arguments "$@"
  cd "$LDM_ROOT"
  bash environment/setup.sh
  LDM_LOGS="$LDM_ROOT/build/log"
  use_build_tools
  configure build
  build build "${JOBS:-$(default_jobs)}" txt2img img2img contact_sheet
  mkdir -p "$OUTPUT"
  : >"$LDM_LOGS/demo.log"
  if [ -n "$PROMPT" ]; then
    demo_prompt
  else
    demo_sheet
    demo_strength
    demo_ema
  fi
  stage "done; --prompt TEXT paints your own, from the words in configs/demo/objects.txt and twelve colours"
}

main "$@"
