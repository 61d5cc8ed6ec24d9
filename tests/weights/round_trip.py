#!/usr/bin/env python3
"""Weights that go from this project's programs to Python and back: the same bits in every tensor.

Needs torch, safetensors, diffusers, transformers and accelerate (see README.md here), and the programs `ckpt` and
`make_checkpoint`. Every step works offline.

  torch         .ckpt by torch.load(weights_only=True), and what torch.save writes
  safetensors   .safetensors by the safetensors package, and what it writes
  folder        a diffusers folder by diffusers' own classes, and what their save_pretrained writes
  averages      the same with averages kept
  single file   .ckpt by diffusers' from_single_file, and what its save_pretrained writes
"""
import argparse
import gc
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

import safetensors
import safetensors.torch
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel

PROJECT = pathlib.Path(__file__).resolve().parents[2]
UNET = "model.diffusion_model."
POSITION_IDS = "cond_stage_model.transformer.text_model.embeddings.position_ids"
PROMPT = "a photo of a cat"
PROMPT_IDS = [49406, 320, 1125, 539, 320, 2368, 49407]


class Failure(Exception):
    pass


def expect(truth, message):
    if not truth:
        raise Failure(message)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr[-2000:]}")


def average_name(key):
    return "model_ema." + key[len("model."):].replace(".", "")


def read_ckpt(path):
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)["state_dict"]


def read_safetensors(path):
    with safetensors.safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def compare(expected, got, what):
    """Every tensor there, none more, and of the same type, shape and bytes."""
    missing, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
    expect(not missing and not extra, f"{what}: missing {missing[:3]} ({len(missing)}), extra {extra[:3]} ({len(extra)})")
    for name, a in expected.items():
        b = got[name]
        expect(a.dtype == b.dtype and a.shape == b.shape, f"{what}: {name}: {a.dtype} {list(a.shape)}, got {b.dtype} {list(b.shape)}")
        a, b = a.detach().contiguous(), b.detach().contiguous()
        expect(torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8)), f"{what}: {name}: other bits")
    print(f"  {what}: {len(expected)} tensors, all the same bits", flush=True)


def with_odd_tensors(state):
    """The same model in several types, with views and a shared storage: what real files hold."""
    mixed = {}
    for i, (name, tensor) in enumerate(state.items()):
        kind = [torch.float32, torch.float16, torch.bfloat16, torch.float64][i % 4]
        mixed[name] = tensor.to(kind) if tensor.is_floating_point() else tensor
    matrices = [name for name, tensor in mixed.items() if tensor.dim() == 2 and tensor.is_floating_point()]
    for name in matrices[::3]:
        mixed[name] = mixed[name].t().contiguous().t()  # the same numbers, other strides
    return mixed


class RoundTrip:
    def __init__(self, programs, work, full):
        self.programs, self.work, self.full = programs, work, full
        self.source = work / "source.ckpt"

    def convert(self, source, to, form, *options):
        run(self.programs / "ckpt", "convert", source, to, "--to", form, *options)
        return to

    def make(self):
        config = "configs/stable-diffusion/v1-inference.yaml" if self.full else "tests/goldens/nano-inference.yaml"
        run(self.programs / "make_checkpoint", "--config", PROJECT / config, "--salt", "0", "--output", self.source)

    def drop(self, *paths):
        """Full-size files go as soon as they are not needed."""
        gc.collect()
        for path in paths:
            subprocess.run(["rm", "-rf", str(path)], check=True)

    def torch_files(self):
        state = read_ckpt(self.source)
        expect(any(name.startswith(UNET) for name in state), "torch.load read no model")
        if not self.full:
            state = with_odd_tensors(state)
        theirs = self.work / "torch.ckpt"
        torch.save({"epoch": 3, "global_step": 470000, "state_dict": state}, theirs)
        ours = self.convert(theirs, self.work / "ours.ckpt", "ckpt")
        compare(state, read_ckpt(ours), "torch.save -> ckpt convert -> torch.load")
        self.drop(ours)
        ours = self.convert(theirs, self.work / "ours.safetensors", "safetensors")
        compare(state, read_safetensors(ours), "torch.save -> ckpt convert -> safetensors")
        self.drop(theirs, ours)

    def safetensors_files(self):
        state = read_ckpt(self.source)
        if not self.full:
            state = with_odd_tensors(state)
        theirs = self.work / "theirs.safetensors"
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in state.items()}, theirs)
        ours = self.convert(theirs, self.work / "ours.ckpt", "ckpt")
        compare(state, read_ckpt(ours), "safetensors -> ckpt convert -> torch.load")
        self.drop(theirs, ours)

    def load_components(self, folder, variant=None):
        """diffusers' own modules, each loaded without a missing, unexpected or mis-shaped tensor."""
        unet, info = UNet2DConditionModel.from_pretrained(
            folder, subfolder="unet", variant=variant, output_loading_info=True)
        expect(not any(info.values()), f"unet: {info}")
        vae, info = AutoencoderKL.from_pretrained(folder, subfolder="vae", output_loading_info=True)
        expect(not any(info.values()), f"vae: {info}")
        text, info = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", output_loading_info=True)
        wrong = {key: value for key, value in info.items() if value and not all("position_ids" in str(v) for v in value)}
        expect(not wrong, f"text encoder: {wrong}")
        return unet, vae, text

    def kept_by_diffusers(self, state):
        """diffusers computes schedules and positions, and saves neither."""
        prefixes = (UNET, "first_stage_model.", "cond_stage_model.")
        return {name: tensor for name, tensor in state.items() if name.startswith(prefixes) and name != POSITION_IDS}

    def folder(self):
        state = read_ckpt(self.source)
        ours = self.convert(self.source, self.work / "folder", "diffusers")
        back = self.convert(ours, self.work / "back.ckpt", "ckpt")
        compare(state, read_ckpt(back), "ckpt -> folder -> ckpt")
        self.drop(back)
        unet, vae, text = self.load_components(ours)
        theirs = self.work / "theirs"
        for module, name in ((unet, "unet"), (vae, "vae"), (text, "text_encoder")):
            module.save_pretrained(theirs / name)
        del unet, vae, text
        back = self.convert(theirs, self.work / "back.safetensors", "safetensors")
        compare(self.kept_by_diffusers(state), read_safetensors(back), "folder -> diffusers -> save_pretrained -> ckpt convert")
        self.drop(theirs, back)
        self.pipeline(ours, state)
        self.drop(ours)

    def pipeline(self, folder, state):
        pipeline = StableDiffusionPipeline.from_pretrained(folder)
        ids = pipeline.tokenizer(PROMPT).input_ids
        expect(ids == PROMPT_IDS, f"tokenizer: expected {PROMPT_IDS}, got {ids}")
        expect(type(pipeline.scheduler).__name__ == "PNDMScheduler", "the scheduler is another one")
        theirs = self.work / "theirs"
        pipeline.save_pretrained(theirs)
        del pipeline
        back = self.convert(theirs, self.work / "back.ckpt", "ckpt")
        compare(self.kept_by_diffusers(state), read_ckpt(back), "folder -> StableDiffusionPipeline -> ckpt convert")
        self.drop(theirs, back)

    def averages(self):
        state = dict(read_ckpt(self.source))
        trained = {name: tensor for name, tensor in state.items() if name.startswith(UNET)}
        state["model_ema.decay"] = torch.tensor(0.9999)
        state["model_ema.num_updates"] = torch.tensor(470000, dtype=torch.int32)
        for name, tensor in trained.items():
            state[average_name(name)] = tensor * 0.5 + 1
        theirs = self.work / "averages.ckpt"
        torch.save({"state_dict": state}, theirs)
        folder = self.convert(theirs, self.work / "folder", "diffusers", "--ema", "keep")
        back = self.convert(folder, self.work / "back.ckpt", "ckpt")
        compare(state, read_ckpt(back), "ckpt with averages -> folder -> ckpt")
        self.drop(theirs, back)
        for variant, expected in ((None, {name: state[average_name(name)] for name in trained}), ("non_ema", trained)):
            unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", variant=variant)
            unet.save_pretrained(self.work / "unet_alone")
            del unet
            back = self.convert(self.work / "unet_alone", self.work / "back.safetensors", "safetensors")
            compare(expected, read_safetensors(back), f"unet, variant {variant} -> diffusers -> ckpt convert")
            self.drop(back, self.work / "unet_alone")
        self.drop(folder)

    def single_file(self):
        state = read_ckpt(self.source)
        config = self.convert(self.source, self.work / "folder", "diffusers")
        loaded = UNet2DConditionModel.from_single_file(
            str(self.source), config=str(config), subfolder="unet", local_files_only=True)
        own, _, _ = self.load_components(config)
        compare(own.state_dict(), loaded.state_dict(), "UNet2DConditionModel.from_single_file, as from our folder")
        del loaded, own
        pipeline = StableDiffusionPipeline.from_single_file(
            str(self.source), config=str(config), local_files_only=True, safety_checker=None)
        theirs = self.work / "theirs"
        pipeline.save_pretrained(theirs)
        del pipeline
        back = self.convert(theirs, self.work / "back.ckpt", "ckpt")
        compare(self.kept_by_diffusers(state), read_ckpt(back), "StableDiffusionPipeline.from_single_file -> ckpt convert")
        self.drop(theirs, back, config)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=PROJECT / "build/bin", help="folder of ckpt and make_checkpoint")
    parser.add_argument("--work", type=pathlib.Path, help="folder for the files; default: a temporary one")
    parser.add_argument("--full", action="store_true", help="the full-size model instead of a small one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        trip = RoundTrip(arguments.programs.resolve(), pathlib.Path(work), arguments.full)
        trip.make()
        failed = 0
        for step in (trip.torch_files, trip.safetensors_files, trip.folder, trip.averages, trip.single_file):
            print(step.__name__.replace("_", " "), flush=True)
            try:
                step()
            except Failure as failure:
                failed += 1
                print(f"  FAILED: {failure}", flush=True)
            trip.drop(*(path for path in pathlib.Path(work).iterdir() if path != trip.source))
    print("failed" if failed else "passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
