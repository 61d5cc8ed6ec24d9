#!/usr/bin/env bash
# Installs the build into a folder of its own and builds a program against it by find_package(ldm).
# usage: run.sh BUILD_FOLDER
set -euo pipefail
build="$1"
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/consumer" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
cmake -S "$source_dir" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix"
cmake --build "$work/build"
"$work/build/consumer" "$work/prefix/share/ldm/configs/stable-diffusion/v1-inference.yaml"
# An installed program finds the installed config, from any folder.
(cd / && "$work/prefix/bin/txt2img" --ckpt none.ckpt --dry-run 2>&1 || true) | grep -q "expected the weights at 'none.ckpt'"
"$work/build/image_consumer" "$work/image.png"
