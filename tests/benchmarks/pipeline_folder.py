"""Makes the folder that diffusers' side of pipeline.py loads, of v1's shape, and the picture that img2img starts from.

The networks carry random weights in float32: the time does not depend on them. The tokenizer is the real one, made from
the list of merges that environment/setup.sh fetches.
"""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from v1_shape import TEXT_ENCODER, UNET, VAE, VOCABULARY

MERGES = Path(__file__).parents[2] / ".venv/share/ldm/bpe_simple_vocab_16e6.txt"
START, END = "<|startoftext|>", "<|endoftext|>"

SCHEDULER = dict(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, set_alpha_to_one=False,
    skip_prk_steps=True, steps_offset=1,
)
TOKENIZER = dict(
    tokenizer_class="CLIPTokenizer", model_max_length=77, bos_token=START, eos_token=END, unk_token=END, pad_token=END,
)


def byte_symbols():
    """The characters that stand for bytes, in CLIP's order: those that Latin-1 prints, for the others 256 and up."""
    ranges = (("!", "~"), ("¡", "¬"), ("®", "ÿ"))
    printed = [code for first, last in ranges for code in range(ord(first), ord(last) + 1)]
    return [chr(code) for code in (*printed, *range(256, 512 - len(printed)))]


def write_tokenizer(folder):
    """vocab.json and merges.txt: symbols, symbols that end a word, one token for each merge, two special ones."""
    symbols = byte_symbols()
    merges = MERGES.read_text(encoding="utf-8").splitlines()[1:][: VOCABULARY - 2 * len(symbols) - 2]
    tokens = [*symbols, *(s + "</w>" for s in symbols), *(m.replace(" ", "") for m in merges), START, END]
    assert len(set(tokens)) == VOCABULARY, f"expected {VOCABULARY} different tokens, got {len(set(tokens))}"
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))


def write_input_picture(path):
    """512x512, a ramp for each colour."""
    down = Image.linear_gradient("L").resize((512, 512))
    across = down.transpose(Image.Transpose.ROTATE_90)
    Image.merge("RGB", (down, across, down.transpose(Image.Transpose.ROTATE_180))).save(path)


def prepare(folder, input_picture):
    """Writes all of it, 4.3 GB, to a folder that does not exist yet; `input_picture` lies in it."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    write_tokenizer(folder / "tokenizer")
    write_input_picture(input_picture)
    parts = dict(
        unet=UNet2DConditionModel(**UNET), vae=AutoencoderKL(**VAE), scheduler=PNDMScheduler(**SCHEDULER),
        text_encoder=CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER)),
    )
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    pipeline = StableDiffusionPipeline(
        **parts, tokenizer=tokenizer, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.save_config(folder)
