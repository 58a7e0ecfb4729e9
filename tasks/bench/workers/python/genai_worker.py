"""The benchmark's worker for onnxruntime-genai: `genai_worker.py FOLDER`, a model that its own builder made."""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import onnxruntime_genai as genai

from protocol import serve, token_times

folder = Path(sys.argv[1])
vocab_size = json.loads((folder / "genai_config.json").read_text())["model"]["vocab_size"]
model = genai.Model(str(folder))


def create_generator(length):
    parameters = genai.GeneratorParams(model)
    # As long as the longest, so that the end token does not end it; rows are laid out for just that many.
    parameters.set_search_options(do_sample=False, min_length=length, max_length=length)
    return genai.Generator(model, parameters)


def tokens(ids, request):
    count = request["tokens"]
    start = time.perf_counter()
    generator = create_generator(len(ids) + count + 1)
    generator.append_tokens(ids)
    arrivals = []
    for _ in range(count + 1):
        generator.generate_next_token()
        generator.get_next_tokens()
        arrivals.append(time.perf_counter())
    return token_times(start, arrivals, len(ids))


def logits(ids):
    generator = create_generator(len(ids) + 1)
    generator.append_tokens(ids)
    yield generator.get_output("logits")


serve(f"{version('onnxruntime-genai')}, int4 weights of its own builder, float32 rows", vocab_size, tokens, logits)
