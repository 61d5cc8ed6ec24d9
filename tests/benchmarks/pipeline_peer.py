"""diffusers' side of pipeline.py: a process that makes one picture and tells of its moments (pipeline_events.py)."""

import numpy
import torch
from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from transformers.utils import logging as transformers_logging

from pipeline_events import picture_parser, tell

SCHEDULERS = {"ddim": (DDIMScheduler, {"clip_sample": False}), "plms": (PNDMScheduler, {})}


class UNetCalls:
    """Counts the calls of a UNet, and tells of the first."""

    def __init__(self, unet):
        self.count = 0
        unet.register_forward_pre_hook(self.before)

    def before(self, module, inputs):
        if self.count == 0:
            tell("first_unet_call")
        self.count += 1


def after_step(pipeline, index, timestep, values):
    tell("step")
    return {}


def load(arguments):
    kind = StableDiffusionImg2ImgPipeline if arguments.init_img else StableDiffusionPipeline
    scheduler, settings = SCHEDULERS[arguments.sampler]
    pipeline = kind.from_pretrained(
        arguments.folder, local_files_only=True, safety_checker=None, requires_safety_checker=False,
        scheduler=scheduler.from_pretrained(arguments.folder, subfolder="scheduler", local_files_only=True, **settings),
    )
    pipeline.set_progress_bar_config(disable=True)
    if arguments.channels_last:
        for part in (pipeline.unet, pipeline.vae):
            part.to(memory_format=torch.channels_last)
    return pipeline


def what_to_paint(arguments):
    if not arguments.init_img:
        return dict(height=arguments.size, width=arguments.size)
    return dict(image=Image.open(arguments.init_img).convert("RGB"), strength=arguments.strength)


def main():
    parser = picture_parser(__doc__, SCHEDULERS)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--init-img")
    parser.add_argument("--strength", type=float)
    parser.add_argument("--channels-last", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # Bars are drawn without ends of lines, in the midst of which an event would be lost.
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()

    pipeline = load(arguments)
    tell("loaded")
    calls = UNetCalls(pipeline.unet)
    pictures = pipeline(
        arguments.prompt, **what_to_paint(arguments), num_inference_steps=arguments.steps,
        guidance_scale=arguments.scale, generator=torch.Generator().manual_seed(42), output_type="np",
        callback_on_step_end=after_step,
    ).images
    assert numpy.isfinite(pictures).all(), "expected finite values in the picture"
    pipeline.image_processor.numpy_to_pil(pictures)[0].save(arguments.output)
    tell("written", unet_calls=calls.count)


if __name__ == "__main__":
    main()
