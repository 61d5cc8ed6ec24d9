#!/usr/bin/env bash
# The reference's results come out of the same weights in every form: as published, converted by our own `ckpt`, in the
# old form of torch.save (where LDM_GOLDENS has such a file), mapped and read.
# usage: forms.sh PROGRAM_FOLDER GOLDENS
set -euo pipefail
programs="$1" goldens="$2"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# expect_parity CASE [OPTION...]
expect_parity() {
  local said
  said="$("$programs/parity" "${@:2}" "$goldens/$1" | tee /dev/stderr | tail -n 1)"
  [[ "$said" == "1 passed, 0 failed, 0 not supported" ]] || { echo "expected parity with ${*:2}, got: $said" >&2; exit 1; }
}

expect_parity nano_bare_f16_ddim128.safetensors
expect_parity nano_emaonly_f16_ddim128.safetensors
weights=("$goldens/nano_ema_only_f16.ckpt")
for form in again.ckpt shared.safetensors folder; do
  to=()
  [[ "$form" != folder ]] || to=(--to diffusers)
  "$programs/ckpt" convert "${weights[0]}" "$work/$form" "${to[@]}"
  weights+=("$work/$form")
done
legacy="${LDM_GOLDENS:-}/nano_legacy_f16.ckpt"
[[ ! -f "$legacy" ]] || weights+=("$legacy")
for file in "${weights[@]}"; do
  for mmap in on off; do
    expect_parity nano_emaonly_f16_ddim128.safetensors --weights "$file" --mmap "$mmap"
  done
done
