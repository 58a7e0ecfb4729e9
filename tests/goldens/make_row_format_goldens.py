"""Writes what a cache with rows in fewer bits is held to: PyTorch's logits over rows that plain PyTorch rounded.

    VENV/bin/python tests/goldens/make_row_format_goldens.py

The virtual environment is that of `make_engine_goldens.py`, whose checkpoints and texts these are. Everything is float32 on
the CPU. The rounding here shares nothing with ours but the definitions: by row, int8 is symmetric around 0, and int4 runs
from the row's least number to its largest; by channel, both run from the least to the largest number of a channel in 64 rows.
"""

import base64
import json
import os
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import torch
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging

logging.disable_progress_bar()
HERE = Path(__file__).parent
MODELS = {
    "qwen2_untied_f32": (HERE / "qwen2_untied_f32", HERE / "qwen2_untied_f32/golden.json"),
    "llama_tied_f16": (HERE / "llama_tied_f16", HERE / "llama_tied_f16/golden.json"),
    "tiny": (HERE.parents[1] / "data/models/tiny", HERE / "tiny.json"),
}
FORMATS = ["f16", "int8", "int4", "int8:channel/int8", "int4:channel/int4", "f32/int8:channel", "int8/f16"]
WINDOW, GROUP, CONTEXT = 16, 64, 300


def levels(x, axis, top):
    """Whole numbers from the least to the largest value along an axis, and what they stand for."""
    low, high = x.amin(axis, keepdim=True), x.amax(axis, keepdim=True)
    step = (high - low) / top
    return torch.clamp(torch.round((x - low) / step), 0, top) * step + low


def rounded(x, form):
    """x: [heads, rows, head_dim]"""
    dtype, _, granularity = form.partition(":")
    if dtype == "f32":
        return x
    if dtype == "f16":
        return x.half().float()
    if granularity == "channel":
        return torch.cat([levels(part, 1, {"int8": 255, "int4": 15}[dtype]) for part in x.split(GROUP, 1)], 1)
    if dtype == "int4":
        return levels(x, 2, 15)
    step = x.abs().amax(2, keepdim=True) / 127
    return torch.clamp(torch.round(x / step), -127, 127) * step


def b64(tensor):
    return base64.b64encode(tensor.to(torch.float32).contiguous().numpy().tobytes()).decode()


def read(model, cache, ids):
    return model(torch.tensor([ids]), past_key_values=cache, logits_to_keep=1).logits[0, -1]


result = dict(window=WINDOW, context=CONTEXT, models={})
with torch.no_grad():
    for name, (folder, golden) in MODELS.items():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        golden = json.loads(golden.read_text())
        ids, question = golden["ids"][:CONTEXT], golden["question"]
        found = {}
        for form in FORMATS:
            keys_form, _, values_form = form.partition("/")
            cache = DynamicCache()
            read(model, cache, ids)
            aged = CONTEXT - WINDOW
            if "channel" in form:
                aged -= aged % GROUP
            for layer in cache.layers:
                for vectors, own in [(layer.keys, keys_form), (layer.values, values_form or keys_form)]:
                    vectors[0, :, :aged] = rounded(vectors[0, :, :aged].clone(), own)
            several = read(model, cache, question)
            one = read(model, cache, [question[0]])
            found[form] = dict(question=b64(several), next=b64(one))
        cache = DynamicCache()
        read(model, cache, ids)
        exact = read(model, cache, question)
        for form, logits in found.items():
            given = torch.frombuffer(bytearray(base64.b64decode(logits["question"])), dtype=torch.float32)
            logits["moved"] = (given.log_softmax(-1) - exact.log_softmax(-1)).abs().max().item()
            print(f"{name} {form}: rounding moves a log-probability by {logits['moved']:.4f} at most")
        result["models"][name] = found
(HERE / "row_formats.json").write_text(json.dumps(result) + "\n")
