"""Which rows kvpress keeps of SmolLM2's cache, for tests/policies/kvpress_test.ts.

    VENV/bin/pip install torch==2.13.0 transformers==5.2.0 kvpress==0.5.5
    VENV/bin/python tests/goldens/make_policy_goldens.py SMOLLM2.gguf    # `deno task models` prints where it is

One text, in float32. Rows are bits, layer by layer and head by head, each head from a byte of its own; gzip, base64.
"""

import base64
import gzip
import json
import os
import random
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

PINNED = {"torch": "2.13.0", "transformers": "5.2.0", "kvpress": "0.5.5"}
for package, wanted in PINNED.items():
    assert version(package).split("+")[0] == wanted, f"{package} is {version(package)}, not {wanted}"
warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import kvpress
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

RATIOS = [0.25, 0.5, 0.75, 0.9]
SENTENCES = [
    "The river runs slowly past the old mill in spring.", "Farmers bring apples and bread to the market on Saturday.",
    "A light wind moved the grass on the hill all afternoon.", "The library keeps old maps in a long wooden drawer.",
    "Nobody in the village remembered who had planted the oak.", "At noon the bell rang twice and the doors were shut.",
    "Her letters were tied with blue string and put away.", "The train to the coast was late, as it was every winter.",
]
PRESSES = {
    "observed_attention": lambda r: kvpress.ObservedAttentionPress(r),
    "tova": lambda r: kvpress.TOVAPress(r),
    "snapkv": lambda r: kvpress.SnapKVPress(r),
    "pyramidkv": lambda r: kvpress.PyramidKVPress(r),
    "knorm": lambda r: kvpress.KnormPress(r),
    "keydiff": lambda r: kvpress.KeyDiffPress(r),
    "lagkv": lambda r: kvpress.LagKVPress(r),
    "streaming_llm": lambda r: kvpress.StreamingLLMPress(r, n_sink=4),
    "adakv(snapkv)": lambda r: kvpress.AdaKVPress(kvpress.SnapKVPress(r)),
    "adakv(keydiff)": lambda r: kvpress.AdaKVPress(kvpress.KeyDiffPress(r)),
    "chunkkv(snapkv)": lambda r: kvpress.ChunkKVPress(kvpress.SnapKVPress(r)),
    "chunkkv(knorm)": lambda r: kvpress.ChunkKVPress(kvpress.KnormPress(r)),
}


def kept_rows(model, press, ids, full):
    """Rows by layer and head: found by their keys, which no press changes, or by the mask that AdaKV leaves."""
    cache = DynamicCache()
    with press(model):
        model.model(torch.tensor([ids]), past_key_values=cache)
    rows = []
    for layer, module in enumerate(model.model.layers):
        attention = module.self_attn
        keys = full.layers[layer].keys[0]
        masked = getattr(attention, "masked_key_indices", None)
        heads = []
        for head in range(keys.shape[0]):
            if masked is not None:
                dropped = set(masked[2][masked[1] == head].tolist())
                heads.append([row for row in range(len(ids)) if row not in dropped])
            else:
                place = {key.numpy().tobytes(): row for row, key in enumerate(keys[head])}
                assert len(place) == len(ids)
                heads.append(sorted(place[key.numpy().tobytes()] for key in cache.layers[layer].keys[0, head]))
        attention.masked_key_indices = None
        rows.append(heads)
    return rows


def bits(rows, tokens):
    size = (tokens + 7) // 8
    packed = bytearray()
    for heads in rows:
        for kept in heads:
            own = bytearray(size)
            for row in kept:
                own[row // 8] |= 1 << row % 8
            packed += own
    return base64.b64encode(gzip.compress(bytes(packed), 9, mtime=0)).decode()


@torch.no_grad()
def main():
    gguf = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    models = {attention: AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation=attention).eval()
        for attention in ("eager", "sdpa")}
    stream = random.Random(3)
    text = " ".join(stream.choice(SENTENCES) for _ in range(60))
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    cases = {}
    for name, make in PRESSES.items():
        model = models["eager" if name == "observed_attention" else "sdpa"]
        full = DynamicCache()
        model.model(torch.tensor([ids]), past_key_values=full)
        cases[name] = {str(ratio): bits(kept_rows(model, make(ratio), ids, full), len(ids)) for ratio in RATIOS}
        print(name, flush=True)
    golden = {"versions": PINNED, "text": text, "ids": ids, "cases": cases}
    path = Path(__file__).parent / "policies.json"
    path.write_text(json.dumps(golden) + "\n")
    print(len(ids), "tokens,", path.stat().st_size, "bytes")


main()
