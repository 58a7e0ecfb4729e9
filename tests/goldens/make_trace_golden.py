"""Writes the original's benchmark as PyTorch computes it: the trace of Qwen2.5-Coder-0.5B-Instruct on a prompt of facts in
boilerplate, and what the original's policies keep of it (github.com/0xAshraFF/KVMirror; its definitions, none of its code).

    python3.11 -m venv VENV && VENV/bin/pip install torch==2.13.0 transformers==5.2.0 gguf==0.19.0 sentencepiece
    VENV/bin/python tests/goldens/make_trace_golden.py QWEN.gguf

`deno task models` prints where the GGUF is. gguf-py decodes its blocks to float32, everything is computed in float32 on the
CPU. The prompt is drawn by CPython's own generator.
"""

import json
import math
import os
import random
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

PINNED = {"torch": "2.13.0", "transformers": "5.2.0", "gguf": "0.19.0"}
for package, wanted in PINNED.items():
    assert version(package).split("+")[0] == wanted, f"{package} is {version(package)}, not {wanted}"
warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.utils import logging

logging.disable_progress_bar()
torch.set_num_threads(2)
HERE = Path(__file__).parent
SEED, FACTS, SENTENCES, STEPS = 42, 4, 42, 24
SINKS, EDGE, TARGET = 16, 16, 96
BOILERPLATE = [
    "The committee met again and read the minutes of the previous meeting.",
    "No objection was raised and the usual procedure was followed.",
    "Members are reminded to sign the attendance sheet before they leave.",
    "The next item was deferred until further notice.",
]
COLORS = ["red", "blue", "green", "white", "black", "yellow", "silver", "golden"]
PLACES = ["gate", "tower", "cellar", "garden", "bridge", "library", "harbour", "kitchen"]


def prompt():
    """The text that `factPrompt({ seed: 42, sentences: 42 })` writes, and the question for its first fact."""
    draw = random.Random(SEED).random

    def shuffled(items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = math.floor(draw() * (last + 1))
            items[last], items[other] = items[other], items[last]
        return items

    colors, facts = shuffled(COLORS), []
    for index, place in enumerate(shuffled(PLACES)[:FACTS]):
        code = 1000 + math.floor(draw() * 9000)
        after = math.floor((index + draw()) * SENTENCES / FACTS)
        facts.append((after, f"{colors[index]} {place}", code))
    parts = []
    for index in range(SENTENCES):
        parts += [f"The secret code of the {name} is {code}." for after, name, code in facts if after == index]
        parts.append(BOILERPLATE[index % len(BOILERPLATE)])
    return f"{' '.join(parts)}\n\nQuestion: What is the secret code of the {facts[0][1]}?\nAnswer:"


def trace(model, ids, end):
    """Attention of each step's newest query to the prompt: the sum over layers, the mean over heads; [steps][tokens]."""
    tokens, cache, rows, sequence, gaps = ids, DynamicCache(), [], [], []
    while len(sequence) < STEPS and end not in sequence:
        out = model(torch.tensor([tokens]), past_key_values=cache, output_attentions=True, logits_to_keep=1)
        rows.append(sum(weights[0].double().mean(0)[-1, :len(ids)] for weights in out.attentions))
        top = out.logits[0, -1].topk(2)
        gaps.append((top.values[0] - top.values[1]).item())
        tokens = [top.indices[0].item()]
        sequence += tokens
    return rows, sequence, min(gaps)


def replay(attention):
    """What the original's two policies keep of a trace: all rows, in order, and the share of the most attended."""
    tokens = len(attention)
    best = lambda keys, count: sorted(range(tokens), key=keys, reverse=True)[:count]
    novelty = [0.4 if index < EDGE or index >= tokens - EDGE else 1.0 for index in range(tokens)]
    target = set(best(lambda index: attention[index], TARGET))
    ranked = best(lambda index: (0.75 * attention[index] + 0.25 * novelty[index], index / max(1, tokens - 1)), 96)
    newest = lambda window: set(range(max(0, tokens - window), tokens))
    sinks = set(range(SINKS))
    kept = {"recent_window": sinks | newest(256), "hybrid": sinks | newest(192) | set(ranked)}
    return {name: dict(rows=sorted(rows), kept_ratio=len(rows) / tokens, heavy_hitter_recall=len(rows & target) / TARGET)
            for name, rows in kept.items()}


def main():
    gguf = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation="eager").eval()
    text = prompt()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        steps, sequence, gap = trace(model, ids, model.config.eos_token_id or tokenizer.eos_token_id)
    assert gap > 0.01, f"a greedy choice within {gap:.5f} may fall otherwise on another machine: take another seed"
    attention = sum(steps).tolist()
    made = dict(versions=PINNED, text=text, ids=ids, generated=sequence, first_step=[float(f"{value:.7g}") for value in steps[0]],
                attention=[float(f"{value:.7g}") for value in attention], replay=replay(attention))
    (HERE / "qwen_trace.json").write_text(json.dumps(made) + "\n")
    print(f"{len(ids)} tokens, {len(sequence)} steps, smallest gap of the greedy tokens {gap:.4f}")
    print(repr(tokenizer.decode(sequence)))
    for name, kept in made["replay"].items():
        print(f"{name}: kept {kept['kept_ratio']:.4f} ({len(kept['rows'])} rows), recall {kept['heavy_hitter_recall']:.4f}")


main()
