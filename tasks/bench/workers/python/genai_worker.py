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


def tokens(ids, count):
    parameters = genai.GeneratorParams(model)
    # As long as the longest, so that the end token does not end it; rows are laid out for just that many.
    length = len(ids) + count + 1
    parameters.set_search_options(do_sample=False, min_length=length, max_length=length)
    start = time.perf_counter()
    generator = genai.Generator(model, parameters)
    generator.append_tokens(ids)
    arrivals = []
    for _ in range(count + 1):
        generator.generate_next_token()
        generator.get_next_tokens()
        arrivals.append(time.perf_counter())
    return token_times(start, arrivals, len(ids))


serve(f"{version('onnxruntime-genai')}, int4 weights of its own builder, float32 rows", vocab_size, tokens)
