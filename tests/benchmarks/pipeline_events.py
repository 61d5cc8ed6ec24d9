"""What the peers' processes of pipeline.py share: the options of the picture, and their moments as JSON lines.

Events on standard output: "loaded", "first_unet_call", "step" after each step, and "written" once the PNG is closed,
with the number of UNet calls. Whoever reads them takes the time at which they arrive.
"""

import argparse
import json


def tell(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def picture_parser(description, samplers):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--sampler", choices=samplers, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser
