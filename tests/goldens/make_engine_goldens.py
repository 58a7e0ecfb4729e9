"""Writes what the engine is held to: small random checkpoints, and what PyTorch and kvpress make of them and of SmolLM2.

    python3.11 -m venv VENV && VENV/bin/pip install torch==2.13.0 transformers==5.2.0 kvpress==0.5.5
    VENV/bin/python tests/goldens/make_engine_goldens.py qwen2_untied_f32 tiny SMOLLM2.gguf    # those that are named

`deno task models` prints where SmolLM2's GGUF is.

Everything is float32 on the CPU, seeds are fixed. The largest differences between references that should agree are printed.
"""

import base64
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

import torch
from kvpress import StreamingLLMPress
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, LlamaConfig, Qwen2Config
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import logging

logging.disable_progress_bar()
torch.set_num_threads(2)
TINY_SEED = 1
HERE = Path(__file__).parent
SENTENCES = [
    "The river runs slowly past the old mill in spring.",
    "Farmers bring apples and bread to the market on Saturday.",
    "A light wind moved the grass on the hill all afternoon.",
    "The library keeps old maps in a long wooden drawer.",
]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SHAPE = dict(vocab_size=320, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024)


def rope(theta):
    return dict(rope_parameters={"rope_theta": theta, "rope_type": "default"})


CHECKPOINTS = {
    "qwen2_tied_bf16_sharded": (
        Qwen2Config(hidden_size=64, intermediate_size=96, tie_word_embeddings=True, **SHAPE, **rope(1e6)), torch.bfloat16, "60KB",
    ),
    "qwen2_untied_f32": (
        Qwen2Config(hidden_size=64, intermediate_size=96, tie_word_embeddings=False, **SHAPE, **rope(5e4)), torch.float32, "1GB",
    ),
    "llama_tied_f16": (
        LlamaConfig(hidden_size=32, head_dim=16, intermediate_size=64, tie_word_embeddings=True, **SHAPE, **rope(1e5)),
        torch.float16, "1GB",
    ),
}


def make_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = dict(tokenizer_class="PreTrainedTokenizerFast", eos_token="<|im_end|>", chat_template=TEMPLATE)
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


def make_checkpoint(name):
    config, dtype, shard = CHECKPOINTS[name]
    config.eos_token_id = 2
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    torch.manual_seed(len(name))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "norm" in key:
                weight.copy_(1 + 0.2 * torch.randn_like(weight))
            else:
                weight.normal_(0, 0.4 if "embed" in key or "lm_head" in key else 0.5 if "bias" in key else 0.2)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    make_tokenizer(folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(folder)


def b64(tensor):
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


# Attention in plain PyTorch: rows of the past that a kv head dropped are masked, everything else is as it was.
DROPPED = {}


def masked_attention(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    groups = query.shape[1] // key.shape[1]
    past = key.shape[2] - query.shape[2]
    scores = query @ key.repeat_interleave(groups, 1).transpose(2, 3) * scaling
    causal = torch.arange(key.shape[2])[None] > past + torch.arange(query.shape[2])[:, None]
    scores = scores.masked_fill(causal, float("-inf"))
    if module.layer_idx in DROPPED:
        dropped = torch.zeros(key.shape[1], key.shape[2], dtype=torch.bool)
        mask = DROPPED[module.layer_idx]
        dropped[:, :mask.shape[1]] = mask
        scores = scores.masked_fill(dropped.repeat_interleave(groups, 0)[None, :, None], float("-inf"))
    weights = scores.softmax(-1)
    return (weights @ value.repeat_interleave(groups, 1)).transpose(1, 2).contiguous(), weights


ALL_ATTENTION_FUNCTIONS.register("masked", masked_attention)


def prefill(model, ids):
    cache = DynamicCache()
    model.model(torch.tensor([ids]), past_key_values=cache)
    return cache


def follow(model, cache, ids, position):
    """Reads ids at these positions and gives the last one's logits."""
    positions = torch.arange(position, position + len(ids))[None]
    return model(torch.tensor([ids]), past_key_values=cache, position_ids=positions, logits_to_keep=1).logits[0, -1]


def drop(kept, tokens):
    DROPPED.clear()
    for layer, heads in enumerate(kept):
        mask = torch.ones(len(heads), tokens, dtype=torch.bool)
        for head, rows in enumerate(heads):
            mask[head, rows] = False
        DROPPED[layer] = mask


def turn(keys, positions, theta):
    """Rotates keys, [tokens, head_dim], by so many positions each: RoPE in double precision."""
    half = keys.shape[-1] // 2
    angles = positions.double()[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    first, second = keys.double()[:, :half], keys.double()[:, half:]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).float()


def compact(cache, kept, theta):
    """Turns every kept key from its place in the text to P - n + i; gives P."""
    longest = max(len(rows) for heads in kept for rows in heads)
    for layer, heads in enumerate(kept):
        keys = cache.layers[layer].keys
        for head, rows in enumerate(heads):
            rows = torch.tensor(rows)
            keys[0, head, rows] = turn(keys[0, head, rows], torch.arange(longest - len(rows), longest) - rows, theta)
    return longest


def ragged_rows(config, tokens, seed):
    """Other rows for each head; the first head of the model keeps all, the second one row."""
    stream = random.Random(seed)
    heads = config.num_key_value_heads
    kept = [[sorted(stream.sample(range(tokens), stream.randint(1, tokens))) for _ in range(heads)]
            for _ in range(config.num_hidden_layers)]
    kept[0][0] = list(range(tokens))
    kept[0][1] = [tokens // 2]
    return kept


def greedy(model, cache, logits, position, count):
    ids, gaps = [], []
    for step in range(count):
        top = logits.topk(2)
        gaps.append((top.values[0] - top.values[1]).item())
        ids.append(top.indices[0].item())
        if step < count - 1:
            logits = follow(model, cache, ids[-1:], position + step)
    assert min(gaps) > 0.01, f"a greedy choice within {min(gaps):.5f} may fall otherwise on another machine: take another seed"
    return ids, min(gaps)


def signals(model, ids, heads):
    """Attention at the end of a prefill, a mean over each kv head's query heads: {tap: [heads, tokens]}."""
    weights = model(torch.tensor([ids]), output_attentions=True).attentions
    groups = model.config.num_attention_heads // model.config.num_key_value_heads
    means = [w[0].unflatten(0, (-1, groups)).mean(1) for w in weights]
    picked = [means[layer][head] for layer, head in heads]
    taps = {"all": slice(None), "1": slice(-1, None), "64": slice(-64, None)}
    return {tap: b64(torch.stack([w[rows].sum(0) for w in picked])) for tap, rows in taps.items()}


def original_trace(model, ids, steps):
    """The original's sum: over steps and layers, of the mean over heads, of the newest query's attention to the prompt."""
    total = torch.zeros(len(ids), dtype=torch.float64)
    tokens, cache, sequence = ids, DynamicCache(), []
    for _ in range(steps):
        out = model(torch.tensor([tokens]), past_key_values=cache, output_attentions=True)
        for weights in out.attentions:
            total += weights[0].double().mean(0)[-1, :len(ids)]
        tokens = [out.logits[0, -1].argmax().item()]
        sequence += tokens
    return dict(ids=sequence, attention=total.tolist())


def golden(model, tokenizer, name, long, short, seed=1):
    config = model.config
    theta = config.rope_parameters["rope_theta"]
    layers, kv_heads = config.num_hidden_layers, config.num_key_value_heads
    stream = random.Random(seed)
    text = " ".join(stream.choice(SENTENCES) for _ in range(long))
    encode = lambda value: tokenizer(value, add_special_tokens=False)["input_ids"]
    ids, question = encode(text), encode(" What runs past the mill? It")[:8]
    half = ids[:short]
    result = dict(versions=PINNED, text=text, ids=ids, question=question)
    out = model(torch.tensor([ids])).logits[0]
    result["logits"] = b64(out[-1])
    result["prompt_logprobs"] = b64(out[:-1].log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0])
    cache = prefill(model, ids[:-1])
    result["greedy"], gap = greedy(model, cache, follow(model, cache, ids[-1:], len(ids) - 1), len(ids), 32)
    print(name, len(ids), "tokens, logits' deviation %.2f, smallest gap of the greedy tokens %.4f" % (out[-1].std(), gap))

    press, pressed = StreamingLLMPress(0.5, n_sink=4), DynamicCache()
    with press(model):
        model.model(torch.tensor([half]), past_key_values=pressed)
    count = int(len(half) * 0.5)
    rows = [*range(4), *range(len(half) - (count - 4), len(half))]
    assert pressed.get_seq_length() == count
    logits = follow(model, pressed, question, len(half))
    result["streaming"] = dict(context=len(half), rows=rows, logits=b64(logits))
    model.set_attn_implementation("masked")
    cache = prefill(model, half)
    drop([[rows] * kv_heads] * layers, len(half))
    difference = (logits - follow(model, cache, question, len(half))).abs().max()
    print(name, "kvpress and the masked reference differ by %.2e at most" % difference)
    DROPPED.clear()

    ragged = ragged_rows(config, len(half), 2)
    for mode in ["logical", "compact"]:
        # compact: every other row, so that no head has all and the next token's position differs from its place
        kept = ragged if mode == "logical" else [[rows[::2] for rows in heads] for heads in ragged]
        cache = prefill(model, half)
        position = len(half) if mode == "logical" else compact(cache, kept, theta)
        drop(kept, len(half))
        logits = follow(model, cache, question, position)
        ids8, gap = greedy(model, cache, logits, position + len(question), 8)
        print(name, "ragged", mode, "smallest gap of the greedy tokens %.4f" % gap)
        result["ragged_" + mode] = dict(context=len(half), logits=b64(logits), greedy=ids8)
        DROPPED.clear()
    result["ragged_rows"] = ragged
    cache = prefill(model, half)
    position = compact(cache, [[rows] * kv_heads] * layers, theta)
    drop([[rows] * kv_heads] * layers, len(half))
    result["streaming_compact"] = dict(logits=b64(follow(model, cache, question, position)))
    DROPPED.clear()

    model.set_attn_implementation("eager")
    every = [(layer, head) for layer in range(layers) for head in range(kv_heads)]
    heads = every if len(every) < 10 else every[::29]
    result["signals"] = dict(context=len(half), heads=heads, recordings=signals(model, half, heads))
    result["trace"] = dict(context=len(half), **original_trace(model, half, 6))
    return result


def load(folder, **options):
    return (AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options).eval(),
            AutoTokenizer.from_pretrained(folder, **options))


def main():
    """Makes the goldens that the arguments name: a random checkpoint, `tiny`, or the path of SmolLM2's GGUF."""
    with torch.no_grad():
        for name in sys.argv[1:]:
            if name in CHECKPOINTS:
                path, made = HERE / name / "golden.json", golden(*make_checkpoint(name), name, 24, 150)
            elif name == "tiny":
                path, made = HERE / "tiny.json", golden(*load(HERE.parents[1] / "data/models/tiny"), name, 24, 150, TINY_SEED)
            else:
                gguf = Path(name)
                path, made = HERE / "smollm2.json", golden(*load(gguf.parent, gguf_file=gguf.name), "smollm2", 40, 150)
            path.write_text(json.dumps(made) + "\n")


main()
