"""stable-diffusion.cpp's side of pipeline.py: a process that makes one picture and tells of its moments
(pipeline_events.py). Its PLMS is "ipndm", which calls the UNet once for each step. Weights are float16, its usual type
on the CPU.
"""

from stable_diffusion_cpp import StableDiffusion

from pipeline_events import picture_parser, tell

METHODS = {"ddim": "ddim_trailing", "plms": "ipndm"}


def after_step(step, steps, seconds):
    tell("step" if step > 0 else "first_unet_call")


def main():
    parser = picture_parser(__doc__, METHODS)
    parser.add_argument("--ckpt", required=True)
    arguments = parser.parse_args()

    # Not verbose, the package closes standard output while it works, and no event would come out.
    model = StableDiffusion(
        model_path=arguments.ckpt, n_threads=arguments.threads, wtype="f16", vae_decode_only=True, verbose=True
    )
    tell("loaded")
    (picture,) = model.generate_image(
        arguments.prompt, width=arguments.size, height=arguments.size, cfg_scale=arguments.scale,
        sample_method=METHODS[arguments.sampler], sample_steps=arguments.steps, seed=42, progress_callback=after_step,
    )
    assert picture.size == (arguments.size, arguments.size), "expected a whole picture"
    picture.save(arguments.output)
    tell("written", unet_calls=arguments.steps)


if __name__ == "__main__":
    main()
