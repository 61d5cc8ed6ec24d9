"""Makes tests/goldens/train_steps.safetensors: ten optimiser steps of the reference's UNet in PyTorch.

usage: make_ten_steps.py REFERENCE OUTPUT

REFERENCE is a checkout of CompVis/stable-diffusion (21f890f). Needs torch 2.11, numpy, einops, pyyaml, safetensors.
Network, averages and learning rates are the reference's own classes (UNetModel, LitEma, LambdaLinearScheduler), the
optimiser is torch.optim.AdamW; the loss is LatentDiffusion.p_losses with its defaults, written out.
"""
import math
import pathlib
import sys

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

STEPS, BATCH, SIZE, TOKENS = 10, 2, 16, 7
LEARNING_RATE, WEIGHT_DECAY, CLIP, SALT, EMA_DECAY = 1e-3, 0.01, 1.0, 100, 0.9
CYCLES = dict(warm_up_steps=[4], f_start=[0.1], f_max=[1.0], f_min=[0.2], cycle_lengths=[20])
SHOWN, LARGEST = 16, 5000  # parameters whose values are kept: so many, spread over the network, none larger


def rule_tensor(key, shape, salt):
    """The weight rule of tests/goldens/README.md."""
    state = 0xCBF29CE484222325
    for byte in key.encode():
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    generator = torch.Generator().manual_seed((state & 0x7FFFFFFFFFFFFFFF) + salt)
    r = 2 * torch.rand(shape, generator=generator) - 1
    root = math.sqrt(3.0)
    if len(shape) >= 2:
        fan_in = r.numel() / shape[0]
        embedding = key.endswith(("embedding.weight", "emb.weight"))
        return r * (0.5 * root if embedding else root / math.sqrt(fan_in))
    return r * (0.1 * root) + 1 if key.endswith("weight") else r * (0.05 * root)


class Wrapper(torch.nn.Module):
    """Gives the parameters the names that they have under `model.` in a checkpoint."""

    def __init__(self, network):
        super().__init__()
        self.diffusion_model = network


def make_model(params):
    from ldm.modules.diffusionmodules.openaimodel import UNetModel

    model = Wrapper(UNetModel(**{**params, "use_checkpoint": False}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(rule_tensor("model." + name, tuple(parameter.shape), SALT))
    return model


def draw_inputs(context_dim):
    generator = torch.Generator().manual_seed(11)
    tensors = {}
    for step in range(STEPS):
        tensors[f"x_start.{step}"] = torch.randn(BATCH, 4, SIZE, SIZE, generator=generator)
        tensors[f"noise.{step}"] = torch.randn(BATCH, 4, SIZE, SIZE, generator=generator)
        tensors[f"context.{step}"] = torch.randn(BATCH, TOKENS, context_dim, generator=generator)
        tensors[f"t.{step}"] = torch.randint(0, 1000, (BATCH,), generator=generator)
    return tensors


def alphas_cumprod(start=0.00085, end=0.012, count=1000):
    betas = np.linspace(start**0.5, end**0.5, count, dtype=np.float64) ** 2
    return np.cumprod(1.0 - betas)


def loss_of(model, tensors, step, abar):
    x, noise, t = (tensors[f"{name}.{step}"] for name in ("x_start", "noise", "t"))
    scale = torch.tensor(np.sqrt(abar), dtype=torch.float32)[t].view(-1, 1, 1, 1)
    sigma = torch.tensor(np.sqrt(1 - abar), dtype=torch.float32)[t].view(-1, 1, 1, 1)
    predicted = model.diffusion_model(scale * x + sigma * noise, t, context=tensors[f"context.{step}"])
    return torch.nn.functional.mse_loss(noise, predicted, reduction="none").mean(dim=[1, 2, 3]).mean()


def main(reference, output):
    sys.path.insert(0, reference)
    from ldm.lr_scheduler import LambdaLinearScheduler
    from ldm.modules.ema import LitEma

    torch.set_num_threads(1)
    here = pathlib.Path(__file__).resolve().parent
    config = yaml.safe_load((here.parent / "goldens" / "tiny-inference.yaml").read_text())
    unet = config["model"]["params"]["unet_config"]["params"]
    model = make_model(unet)
    ema = LitEma(model, decay=EMA_DECAY)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, LambdaLinearScheduler(**CYCLES).schedule)
    tensors, abar = draw_inputs(unet["context_dim"]), alphas_cumprod()
    for step in range(STEPS):
        loss = loss_of(model, tensors, step, abar)
        optimizer.zero_grad()
        loss.backward()
        tensors[f"norm.{step}"] = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).detach()
        tensors[f"lr.{step}"] = torch.tensor(optimizer.param_groups[0]["lr"], dtype=torch.float64)
        optimizer.step()
        ema(model)
        schedule.step()
        tensors[f"loss.{step}"] = loss.detach()
    names = [name for name, parameter in model.named_parameters() if parameter.numel() <= LARGEST]
    averages = dict(ema.named_buffers())
    for name in names[:: max(1, len(names) // SHOWN)]:
        parameter = dict(model.named_parameters())[name]
        tensors["param." + name] = parameter.detach().clone()
        tensors["exp_avg." + name] = optimizer.state[parameter]["exp_avg"].clone()
        tensors["exp_avg_sq." + name] = optimizer.state[parameter]["exp_avg_sq"].clone()
        tensors["ema." + name] = averages[ema.m_name2s_name[name]].clone()
    metadata = dict(salt=SALT, steps=STEPS, learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, clip=CLIP,
                    ema_decay=EMA_DECAY)
    metadata.update({name: value[0] for name, value in CYCLES.items()})
    save_file({name: value.contiguous() for name, value in tensors.items()}, output,
              {name: str(value) for name, value in metadata.items()})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
