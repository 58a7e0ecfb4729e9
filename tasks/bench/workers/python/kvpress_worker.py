"""
The benchmark's worker for kvpress on PyTorch: `kvpress_worker.py FOLDER ATTENTION`, a checkpoint as Hugging Face lays it
out and `sdpa`, or `eager` where its logits are the reference that all systems are held against.
"""

import os
import sys
import time
import warnings
from importlib.metadata import version

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.filterwarnings("ignore")

import kvpress
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, pipeline
from transformers.utils import logging

from protocol import measurement, serve, token_times

logging.disable_progress_bar()
folder, attention = sys.argv[1:]
torch.set_num_threads(os.cpu_count())
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention).eval()
answering = pipeline("kv-press-text-generation", model=model, tokenizer=AutoTokenizer.from_pretrained(folder), device="cpu")

PRESSES = {
    "random": kvpress.RandomPress,
    "streaming_llm": kvpress.StreamingLLMPress,
    "observed_attention": kvpress.ObservedAttentionPress,
    "tova": kvpress.TOVAPress,
    "snapkv": kvpress.SnapKVPress,
    "adakv(snapkv)": lambda compression_ratio: kvpress.AdaKVPress(kvpress.SnapKVPress(compression_ratio=compression_ratio)),
    "knorm": kvpress.KnormPress,
    "keydiff": kvpress.KeyDiffPress,
    "lagkv": kvpress.LagKVPress,
    "expected_attention": kvpress.ExpectedAttentionPress,
}


@torch.inference_mode()
def tokens(ids, request):
    count = request["tokens"]
    cache = DynamicCache()
    arrivals, given = [], torch.tensor([ids])
    start = time.perf_counter()
    for _ in range(count + 1):
        logits = model(given, past_key_values=cache, logits_to_keep=1).logits
        given = logits[:, -1].argmax(-1, keepdim=True)
        given.item()
        arrivals.append(time.perf_counter())
    size = sum(rows.numel() * rows.element_size() for layer in cache.layers for rows in (layer.keys, layer.values))
    return [*token_times(start, arrivals, len(ids)), measurement("cache_bytes", "bytes", size)]


@torch.inference_mode()
def logits(ids):
    yield model(torch.tensor([ids])).logits[0].numpy()


def study(request):
    """Each policy once, at one ratio after the other and one text after the other: its samples cost the same whatever they are."""
    seconds = []
    for index, policy in enumerate(request["policies"]):
        ratio = request["ratios"][index % len(request["ratios"])]
        prompt = request["prompts"][index % len(request["prompts"])]
        question = prompt["facts"][0]["question"]
        # Only eager attention gives weights, which this press reads.
        model.set_attn_implementation("eager" if policy == "observed_attention" else attention)
        start = time.perf_counter()
        press = PRESSES[policy](compression_ratio=ratio)
        answering(prompt["text"], question=question, press=press, max_new_tokens=request["tokens"])
        seconds.append(time.perf_counter() - start)
    model.set_attn_implementation(attention)
    return [measurement("study", "s/sample", sum(seconds) / len(seconds))]


torch_version = version("torch").split("+")[0]
own = f"{version('kvpress')}, PyTorch {torch_version}" if attention == "sdpa" else f"{torch_version}, {attention} attention"
serve(
    f"{own}, transformers {version('transformers')}, float32 weights and rows",
    model.config.vocab_size,
    tokens,
    logits,
    study,
)
