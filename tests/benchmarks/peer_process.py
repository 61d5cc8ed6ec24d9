"""A peer's process for peers.py: it runs a part of Stable Diffusion v1 once for each line that it is sent.

usage: PYTHON tests/benchmarks/peer_process.py --part unet|vae|clip --precision fp32|bf16 [--threads 2]
           --engine diffusers|diffusers-channels-last|openvino

The parts are those of bench_model: a guidance step at 512x512, a picture's decoding, both prompts' encoding. Weights
are random: the time does not depend on them. `clip` is transformers' CLIPTextModel, the one that diffusers uses.
OpenVINO gets the same module, converted by openvino.convert_model with static shapes.
"""

import argparse
import gc

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from driven_process import serve
from v1_shape import TEXT_ENCODER, UNET, VAE, VOCABULARY

TOKENS = 77
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
OPENVINO_TYPES = {"fp32": "f32", "bf16": "bf16"}


class GuidedStep(torch.nn.Module):
    """The UNet on the batch [uncond, cond], and the mix of its halves."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**UNET)

    def forward(self, x, t, context):
        output = self.unet(torch.cat([x, x]), t, encoder_hidden_states=context, return_dict=False)[0]
        uncond, cond = output.chunk(2)
        return uncond + 7.5 * (cond - uncond)

    @staticmethod
    def inputs():
        return torch.randn(1, 4, 64, 64), torch.tensor([981]), torch.randn(2, TOKENS, 768)


class Decoding(torch.nn.Module):
    """A picture from a scaled latent."""

    def __init__(self):
        super().__init__()
        self.vae = AutoencoderKL(**VAE)

    def forward(self, latent):
        return self.vae.decode(latent / 0.18215, return_dict=False)[0]

    @staticmethod
    def inputs():
        return (torch.randn(1, 4, 64, 64),)


class TextEncoding(torch.nn.Module):
    """Both prompts in one batch, as tokens already."""

    def __init__(self):
        super().__init__()
        self.encoder = CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER))

    def forward(self, tokens):
        return self.encoder(tokens).last_hidden_state

    @staticmethod
    def inputs():
        return (torch.randint(0, VOCABULARY, (2, TOKENS)),)


PARTS = {"unet": GuidedStep, "vae": Decoding, "clip": TextEncoding}


class Eager:
    """PyTorch, operator by operator."""

    def __init__(self, part, arguments):
        dtype = DTYPES[arguments.precision]
        channels_last = arguments.engine.endswith("channels-last")
        memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.module = part().eval().to(dtype=dtype, memory_format=memory_format)
        self.inputs = [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in part.inputs()]

    @torch.inference_mode()
    def __call__(self):
        return self.module(*self.inputs)


class OpenVino:
    """OpenVINO's CPU plug-in."""

    def __init__(self, part, arguments):
        import openvino  # the other engines do without

        inputs = part.inputs()
        with torch.no_grad():
            model = openvino.convert_model(part().eval(), example_input=inputs)
        model.reshape({index: list(tensor.shape) for index, tensor in enumerate(inputs)})
        settings = {
            "INFERENCE_PRECISION_HINT": OPENVINO_TYPES[arguments.precision],
            "INFERENCE_NUM_THREADS": arguments.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        self.inputs = [tensor.numpy() for tensor in inputs]
        # What was compiled has its own weights.
        del model
        gc.collect()

    def __call__(self):
        return self.request.infer(self.inputs, share_inputs=True, share_outputs=True)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--engine", choices=("diffusers", "diffusers-channels-last", "openvino"), required=True)
    parser.add_argument("--precision", choices=DTYPES, required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    engine = OpenVino if arguments.engine == "openvino" else Eager
    step = engine(PARTS[arguments.part], arguments)
    serve(step, lambda result: {"finite": bool(torch.isfinite(torch.as_tensor(result)).all())})


if __name__ == "__main__":
    main()
