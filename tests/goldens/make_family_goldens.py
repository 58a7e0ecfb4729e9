"""Writes what the engine's families of models are held to: small random checkpoints as Hugging Face folders and GGUF
files that hold the same numbers, and what PyTorch makes of them.

    python3.11 -m venv VENV && VENV/bin/pip install torch==2.13.0 transformers==5.2.0 gguf==0.19.0
    VENV/bin/python tests/goldens/make_family_goldens.py qwen3 gemma2    # those that are named; without a name all

Everything is computed in float32 on the CPU, by transformers' eager attention, from the numbers that are stored. A case
takes the first seed with which no greedy choice is nearly a tie and its feature matters. The largest differences between
references that should agree are printed. GGUF files have the names, the row order and the metadata that llama.cpp's
convert_hf_to_gguf.py writes; where it drops what the model needs, there is none.
"""

import json
import math
import os
import random
import shutil
import sys
import warnings
from datetime import date
from importlib.metadata import version
from itertools import count
from pathlib import Path

PINNED = {"torch": "2.13.0", "transformers": "5.2.0", "gguf": "0.19.0"}
for package, wanted in PINNED.items():
    assert version(package).split("+")[0] == wanted, f"{package} is {version(package)}, not {wanted}"
warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import logging

logging.disable_progress_bar()
torch.set_num_threads(1)
FAMILIES = Path(__file__).parent / "families"
# What `deno task models` and the README say was checked, and when.
CHECKED = Path(__file__).parents[2] / "data" / "families_checked.json"
TEXT = 49
LONG_TEXT = 121
CHUNK = 17
WINDOW = 13
# Between these two lengths of text LongRoPE changes from short to long factors.
ORIGINAL = 96
SPECIAL = ["<|endoftext|>", "<|end|>"]
TOKENS = [*SPECIAL, *map(chr, range(33, 126)), "Ġ", "th"]
MERGES = [("t", "h")]


def rope(theta, type="default", **more):
    return {"rope_parameters": {"rope_theta": theta, "rope_type": type, **more}}


def gemma3_rope(local, scaling=dict(rope_type="linear", factor=8.0)):
    return {"rope_parameters": {
        "full_attention": {"rope_theta": 1e3, "rope_type": "default", **scaling},
        "sliding_attention": {"rope_theta": local, "rope_type": "default"}}}


LONGROPE = dict(max_position_embeddings=4 * ORIGINAL, **rope(
    1e3, "longrope", original_max_position_embeddings=ORIGINAL,
    short_factor=[1.0, 1.1, 1.3, 1.6], long_factor=[1.2, 2.1, 3.4, 4.9]))
YARN = dict(type="yarn", factor=4.0, original_max_position_embeddings=32)
# Heads of 3 and 7 to a kv head, widths and intermediate sizes that are no multiples of 32.
THREES = dict(hidden_size=30, num_attention_heads=6, num_key_value_heads=2, intermediate_size=44, num_hidden_layers=3)
SEVENS = dict(hidden_size=26, num_attention_heads=7, num_key_value_heads=1, intermediate_size=37, num_hidden_layers=3)
PLAIN_ROPE = rope(1e3)
F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
# Families whose head_dim is hidden_size / num_attention_heads.
WIDE_THREES, WIDE_SEVENS = {**THREES, "hidden_size": 36}, {**SEVENS, "hidden_size": 42}
GEMMA2 = dict(
    type="gemma2", dtype=BF16, head_dim=10, sliding_window=WINDOW, attn_logit_softcapping=3.0, final_logit_softcapping=4.0,
    **{**THREES, "hidden_size": 26, "num_hidden_layers": 4, "intermediate_size": 37}, **rope(1e4))
CAPS = [dict(attn_logit_softcapping=None), dict(final_logit_softcapping=None), dict(sliding_window=2 * TEXT)]
GEMMA3 = dict(
    type="gemma3_text", dtype=F16, head_dim=10, sliding_window=WINDOW, hidden_size=24, num_attention_heads=3,
    num_key_value_heads=1, intermediate_size=40)
NO_WINDOW = "llama.cpp's converter drops the window"

# Each case: its configuration, the stored type, why there is no GGUF, and what to change so that its feature is gone.
CASES = {
    "llama": dict(type="llama", dtype=F16, head_dim=10, tie_word_embeddings=False, **THREES, **rope(1e4)),
    "llama_tied": dict(type="llama", dtype=BF16, head_dim=8, tie_word_embeddings=True, rms_norm_eps=1e-5, **SEVENS, **rope(5e5)),
    "llama_llama3": dict(
        type="llama", dtype=F16, head_dim=12, tie_word_embeddings=False, max_position_embeddings=256, **THREES,
        **rope(1e3, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32),
        without=[PLAIN_ROPE]),
    "llama_linear": dict(
        type="llama", dtype=BF16, head_dim=8, tie_word_embeddings=True, **SEVENS, **rope(1e3, "linear", factor=4.0),
        without=[PLAIN_ROPE]),
    "llama_yarn": dict(
        type="llama", dtype=F16, head_dim=12, tie_word_embeddings=False, max_position_embeddings=128, **THREES,
        **rope(1e3, **YARN), without=[PLAIN_ROPE]),
    "llama_yarn_attention_factor": dict(
        type="llama", dtype=F16, head_dim=12, tie_word_embeddings=False, max_position_embeddings=128, **THREES,
        **rope(1e3, **YARN, attention_factor=0.8, beta_fast=4.0, beta_slow=0.5), without=[rope(1e3, **YARN)],
        no_gguf="llama.cpp does not read the attention factor that its converter writes"),
    "llama_yarn_mscale": dict(
        type="llama", dtype=F16, head_dim=12, tie_word_embeddings=False, max_position_embeddings=128, **THREES,
        **rope(1e3, **YARN, mscale=0.7, mscale_all_dim=0.4, truncate=False), without=[rope(1e3, **YARN)],
        no_gguf="llama.cpp's converter drops mscale and truncate"),
    "llama_dynamic": dict(
        type="llama", dtype=F16, head_dim=8, tie_word_embeddings=True, max_position_embeddings=256, **SEVENS,
        **rope(1e3, "dynamic", factor=2.0), no_gguf="llama.cpp's converter drops dynamic scaling"),
    "llama_biases": dict(
        type="llama", dtype=BF16, head_dim=10, attention_bias=True, mlp_bias=True, tie_word_embeddings=False, **THREES,
        **rope(1e4)),
    "llama_longrope": dict(
        type="llama", dtype=F16, head_dim=8, tie_word_embeddings=True, **SEVENS, **LONGROPE, without=[PLAIN_ROPE], long=True,
        no_gguf="llama.cpp's converter writes LongRoPE's factors for Phi-3 alone"),
    "mistral": dict(
        type="mistral", dtype=BF16, head_dim=14, sliding_window=None, tie_word_embeddings=False, **THREES, **rope(1e6)),
    "mistral_window": dict(
        type="mistral", dtype=F16, head_dim=14, sliding_window=WINDOW, tie_word_embeddings=False, **THREES, **rope(1e4),
        without=[dict(sliding_window=None)], no_gguf=NO_WINDOW),
    "ministral": dict(
        type="ministral", dtype=BF16, head_dim=10, sliding_window=11, tie_word_embeddings=True,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], **SEVENS, **rope(1e4),
        without=[dict(layer_types=["full_attention"] * 3), dict(layer_types=["sliding_attention"] * 3)],
        no_gguf="llama.cpp's converter does not know the family"),
    "qwen2": dict(type="qwen2", dtype=F16, tie_word_embeddings=True, **WIDE_SEVENS, **rope(1e6)),
    "qwen2_window": dict(
        type="qwen2", dtype=BF16, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=2,
        tie_word_embeddings=False, **{**WIDE_THREES, "num_hidden_layers": 4, "intermediate_size": 29}, **rope(1e4),
        without=[dict(layer_types=["full_attention"] * 4), dict(layer_types=["sliding_attention"] * 4)], no_gguf=NO_WINDOW),
    "qwen2_layer_types": dict(
        type="qwen2", dtype=F16, use_sliding_window=True, sliding_window=WINDOW,
        layer_types=["full_attention", "sliding_attention", "full_attention"], tie_word_embeddings=True, **WIDE_SEVENS,
        **rope(1e4), without=[dict(layer_types=["full_attention"] * 3)], no_gguf=NO_WINDOW),
    "qwen3": dict(type="qwen3", dtype=BF16, head_dim=10, tie_word_embeddings=True, **SEVENS, **rope(1e6)),
    "qwen3_window": dict(
        type="qwen3", dtype=F16, head_dim=10, attention_bias=True, use_sliding_window=True, sliding_window=WINDOW,
        max_window_layers=1, tie_word_embeddings=False, **THREES, **rope(1e4),
        without=[dict(layer_types=["full_attention"] * 3)], no_gguf=NO_WINDOW),
    "phi3": dict(type="phi3", dtype=BF16, tie_word_embeddings=False, **WIDE_SEVENS, **rope(1e4)),
    "phi3_window": dict(
        note="llama.cpp reads this family's window and does not apply it",
        type="phi3", dtype=F16, sliding_window=WINDOW, tie_word_embeddings=False, **WIDE_THREES, **rope(1e4),
        without=[dict(sliding_window=None)]),
    "phi3_longrope": dict(
        note="llama.cpp takes the long factors in every context that is longer than the original one, however short the text",
        type="phi3", dtype=BF16, tie_word_embeddings=True, partial_rotary_factor=0.75, long=True,
        **{**THREES, "hidden_size": 48, "intermediate_size": 37}, max_position_embeddings=4 * ORIGINAL, original_max_position_embeddings=ORIGINAL,
        **rope(1e3, "longrope", short_factor=[1.0, 1.1, 1.4], long_factor=[1.2, 2.3, 4.1]), without=[PLAIN_ROPE]),
    "gemma": dict(type="gemma", dtype=F16, head_dim=14, **THREES, **rope(1e4)),
    "gemma2": dict(**GEMMA2, query_pre_attn_scalar=10, without=CAPS),
    "gemma2_scalar": dict(
        **GEMMA2, query_pre_attn_scalar=23, without=[dict(query_pre_attn_scalar=10)],
        no_gguf="llama.cpp's converter drops query_pre_attn_scalar, and llama.cpp takes head_dim for it"),
    "gemma3_text": dict(
        **GEMMA3, num_hidden_layers=7, query_pre_attn_scalar=10, **gemma3_rope(1e4),
        without=[dict(sliding_window=2 * TEXT), gemma3_rope(1e4, {}), gemma3_rope(1e3)]),
    "gemma3_text_scalar": dict(
        **GEMMA3, num_hidden_layers=5, query_pre_attn_scalar=23,
        layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        **gemma3_rope(3e2), without=[dict(query_pre_attn_scalar=10)],
        no_gguf="llama.cpp's converter drops query_pre_attn_scalar, layer_types and the local theta"),
    "smollm3": dict(
        type="smollm3", dtype=BF16, tie_word_embeddings=True, hidden_size=24, num_attention_heads=3, num_key_value_heads=1,
        intermediate_size=44, num_hidden_layers=5, **rope(1e3), without=[dict(no_rope_layers=[1] * 5)]),
    "granite": dict(
        type="granite", dtype=F16, tie_word_embeddings=True, **WIDE_SEVENS, **rope(1e4), embedding_multiplier=3.0,
        logits_scaling=1.7, residual_multiplier=0.8, attention_multiplier=0.7),
    "olmo2": dict(type="olmo2", dtype=BF16, tie_word_embeddings=False, **WIDE_THREES, **rope(5e5)),
    "seed_oss": dict(
        type="seed_oss", dtype=F16, head_dim=10, attention_bias=True, attention_out_bias=False, tie_word_embeddings=False,
        **THREES, **rope(1e6)),
    "seed_oss_biases": dict(
        type="seed_oss", dtype=BF16, head_dim=10, attention_bias=True, attention_out_bias=True, mlp_bias=True,
        tie_word_embeddings=True, **SEVENS, **rope(1e4),
        no_gguf="llama.cpp reads no other biases of this family than q's, k's and v's"),
}
OWN_KEYS = ["type", "dtype", "no_gguf", "note", "without", "long"]


def make_tokenizer():
    tokenizer = dict(
        version="1.0", truncation=None, padding=None,
        added_tokens=[dict(id=id, content=token, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
                      for id, token in enumerate(SPECIAL)],
        normalizer=None, pre_tokenizer=dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True),
        post_processor=None, decoder=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None,
                   fuse_unk=False, byte_fallback=False, ignore_merges=False,
                   vocab={token: id for id, token in enumerate(TOKENS)}, merges=[list(merge) for merge in MERGES]))
    (FAMILIES / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n")


def configuration(case):
    given = {key: value for key, value in case.items() if key not in OWN_KEYS}
    return AutoConfig.for_model(
        case["type"], vocab_size=len(TOKENS), bos_token_id=0, eos_token_id=1, pad_token_id=None, **json.loads(json.dumps(given)))


def make_checkpoint(folder, case, seed):
    config = configuration(case)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=F32)
    gemma = case["type"].startswith("gemma")
    scaled = gemma or case["type"] == "granite"  # embeddings, on their way in
    for key, weight in model.named_parameters():
        if key.endswith("bias"):
            weight.normal_(0, 0.3)
        elif "norm" in key:
            # In steps, so that Gemma's 1 + weight, which a GGUF holds, is as exact.
            weight.copy_((32 * torch.randn_like(weight)).round() / 128 + (0 if gemma else 1))
            if scaled and key == "model.norm.weight":
                weight.add_(2)
        elif "embed" in key or "lm_head" in key:
            weight.normal_(0, 0.12 if scaled else 0.4)
        else:
            weight.normal_(0, (1.6 if "q_" in key or "k_" in key or "qkv" in key else 1.3) / math.sqrt(weight.shape[1]))
    shutil.rmtree(folder, ignore_errors=True)
    model.to(case["dtype"]).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    made = AutoModelForCausalLM.from_config(config, dtype=F32)  # anew, as rounding has reached the rotary frequencies
    made.load_state_dict(model.state_dict())
    return made.eval(), load(folder)


def load(folder, **options):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=F32, attn_implementation="eager", **options).eval()


# GGUF: what convert_hf_to_gguf.py writes.
ARCHITECTURES = {"mistral": "llama", "gemma3_text": "gemma3"}
PAIRED = ["llama", "granite", "smollm3"]


def pairs_from_halves(rows, heads):
    """Rows of each head in pairs (i, i + head_dim / 2), as llama.cpp rotates them in these families."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def llama3_factors(head_dim, rope_theta, factor, low_freq_factor, high_freq_factor, original_max_position_embeddings, **_):
    """What each frequency is divided by. (The converter takes 8192 for the original length unless config.json has it outside
    rope_parameters, too.)"""
    factors = []
    for pair in range(head_dim // 2):
        turns = original_max_position_embeddings / (2 * math.pi * rope_theta ** (2 * pair / head_dim))
        smooth = min(1, max(0, (turns - low_freq_factor) / (high_freq_factor - low_freq_factor)))
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def write_metadata(writer, config):
    """Metadata by the family; gives the tensors that the model's weights are not."""
    c = config.to_dict()
    type, parameters = c["model_type"], c["rope_parameters"]
    parameters = parameters.get("full_attention", parameters)
    head_dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_head_count(c["num_attention_heads"])
    writer.add_head_count_kv(c["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    if type == "phi3":
        writer.add_rope_dimension_count(int(parameters.get("partial_rotary_factor", 1) * head_dim))
        writer.add_rope_freq_base(parameters["rope_theta"])
        writer.add_rope_scaling_orig_ctx_len(c["original_max_position_embeddings"])
        writer.add_sliding_window(c["sliding_window"] or 0)
        if parameters["rope_type"] != "longrope":
            return {}
        scale = c["max_position_embeddings"] / c["original_max_position_embeddings"]
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(c["original_max_position_embeddings"])))
        return {f"rope_factors_{name}.weight": parameters[f"{name}_factor"] for name in ["long", "short"]}
    if c.get("head_dim") is not None:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    if type in ["gemma", "gemma2"]:
        assert parameters == {"rope_theta": 1e4, "rope_type": "default"}, "the converter drops this family's rope"
        if type == "gemma2":
            assert c["query_pre_attn_scalar"] == head_dim, "the converter drops query_pre_attn_scalar"
            writer.add_attn_logit_softcapping(c["attn_logit_softcapping"])
            writer.add_final_logit_softcapping(c["final_logit_softcapping"])
            writer.add_sliding_window(c["sliding_window"])
        return {}
    writer.add_rope_freq_base(parameters["rope_theta"])
    if parameters["rope_type"] in ["linear", "yarn"]:
        writer.add_rope_scaling_type(gguf.RopeScalingType(parameters["rope_type"]))
        writer.add_rope_scaling_factor(parameters["factor"])
    if parameters["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])
    if type == "gemma3_text":
        assert c["query_pre_attn_scalar"] == head_dim, "the converter drops query_pre_attn_scalar"
        assert c["rope_parameters"]["sliding_attention"] == {"rope_theta": 1e4, "rope_type": "default"}, "dropped, too"
        writer.add_sliding_window(c["sliding_window"])
    if ARCHITECTURES.get(type, type) in PAIRED:
        writer.add_vocab_size(c["vocab_size"])
        writer.add_rope_dimension_count(head_dim)
    if type == "granite":
        writer.add_attention_scale(c["attention_multiplier"])
        writer.add_embedding_scale(c["embedding_multiplier"])
        writer.add_residual_scale(c["residual_multiplier"])
        writer.add_logit_scale(c["logits_scaling"])
    return {"rope_freqs.weight": llama3_factors(head_dim, **parameters)} if parameters["rope_type"] == "llama3" else {}


def write_tokenizer(writer):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(TOKENS)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in SPECIAL else normal for token in TOKENS])
    writer.add_token_merges([" ".join(merge) for merge in MERGES])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)


def write_gguf(path, model, dtype):
    config = model.config
    type = config.model_type
    name = ARCHITECTURES.get(type, type)
    architecture = {arch_name: arch for arch, arch_name in gguf.MODEL_ARCH_NAMES.items()}[name]
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, name)
    extra = write_metadata(writer, config)
    stored = {F16: gguf.GGMLQuantizationType.F16, BF16: gguf.GGMLQuantizationType.BF16, F32: gguf.GGMLQuantizationType.F32}[dtype]
    writer.add_file_type({F16: gguf.LlamaFileType.MOSTLY_F16, BF16: gguf.LlamaFileType.MOSTLY_BF16, F32: gguf.LlamaFileType.ALL_F32}[dtype])
    write_tokenizer(writer)
    tensors = {key: torch.tensor(values) for key, values in extra.items()}
    for key, weight in model.named_parameters():  # a tied head is not among them
        if name in PAIRED and ("q_proj" in key or "k_proj" in key):
            weight = pairs_from_halves(weight, config.num_attention_heads if "q_proj" in key else config.num_key_value_heads)
        if name.startswith("gemma") and key.endswith("norm.weight"):
            weight = weight + 1
        tensors[names.get_name(key, try_suffixes=(".weight", ".bias"))] = weight
    for key, weight in tensors.items():
        values = weight.float().contiguous().numpy()
        kind = stored if weight.dim() > 1 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(key, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# The module's own eager attention; rows of the past that a kv head dropped are masked.
DROPPED = {}


def attention_of_kept(module, query, key, value, attention_mask, **rest):
    if module.layer_idx in DROPPED:
        dropped = DROPPED[module.layer_idx]
        mask = torch.zeros(key.shape[1], key.shape[2])
        mask[:, :dropped.shape[1]].masked_fill_(dropped, float("-inf"))
        attention_mask = attention_mask + mask.repeat_interleave(query.shape[1] // key.shape[1], 0)[None, :, None]
    return sys.modules[type(module).__module__].eager_attention_forward(module, query, key, value, attention_mask, **rest)


ALL_ATTENTION_FUNCTIONS.register("kept", attention_of_kept)
ALL_MASK_ATTENTION_FUNCTIONS.register("kept", eager_mask)


def follow(model, cache, ids, position=None):
    """Reads ids at these positions (the next ones) and gives the logits of each. A cache without a window holds all rows."""
    positions = None if position is None else torch.arange(position, position + len(ids))[None]
    return model(torch.tensor([ids]), past_key_values=cache, position_ids=positions).logits[0]


def drop(kept, tokens):
    DROPPED.clear()
    for layer, heads in enumerate(kept):
        mask = torch.ones(len(heads), tokens, dtype=torch.bool)
        for head, rows in enumerate(heads):
            mask[head, rows] = False
        DROPPED[layer] = mask


def compact(model, cache, kept):
    """Turns every kept key from its place in the text to P - n + i, by the layer's own frequencies; gives P."""
    frequencies = model.model.rotary_emb.inv_freq.double()
    longest = max(len(rows) for heads in kept for rows in heads)
    rotated = getattr(model.config, "no_rope_layers", [1] * len(kept))
    half = len(frequencies)
    for layer, heads in enumerate(kept):
        keys = cache.layers[layer].keys
        for head, rows in enumerate(heads if rotated[layer] else []):
            rows = torch.tensor(rows)
            angles = (torch.arange(longest - len(rows), longest) - rows).double()[:, None] * frequencies
            old = keys[0, head, rows].double()
            first, second = old[:, :half], old[:, half:2 * half]
            cos, sin = angles.cos(), angles.sin()
            turned = [first * cos - second * sin, second * cos + first * sin, old[:, 2 * half:]]
            keys[0, head, rows] = torch.cat(turned, -1).float()
    return longest


def windows(config):
    """Tokens that each layer sees, the newest among them; 0: all."""
    window = getattr(config, "sliding_window", None) or 0
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * config.num_hidden_layers
    return [window if kind == "sliding_attention" else 0 for kind in kinds]


def ragged_rows(config, seed):
    """Other rows for each head, of those that the next token sees; the first head of the model keeps all, the second one.

    Beside layers without a window, those with one keep what they see: policies choose in the others.
    """
    stream = random.Random(seed)
    kept = []
    mixed = not all(windows(config))
    for window in windows(config):
        seen = range(TEXT + 1 - window if window > 0 else 0, TEXT)
        if mixed and window > 0:
            kept.append([list(seen)] * config.num_key_value_heads)
            continue
        kept.append([sorted(stream.sample(seen, stream.randint(2, len(seen)))) for _ in range(config.num_key_value_heads)])
        if len(kept) == 1:
            kept[0][0] = list(seen)
        if sum(map(len, kept)) >= 2 > sum(map(len, kept[:-1])):
            kept[-1][1 if len(kept) == 1 else 0] = [seen[len(seen) // 2]]
    return kept


class NearTie(Exception):
    pass


def greedy(model, cache, logits, position, steps):
    ids, every = [], []
    for step in range(steps):
        top = logits.topk(2)
        if top.values[0] - top.values[1] < 0.01:
            raise NearTie
        ids.append(top.indices[0].item())
        every.append(logits)
        if step < steps - 1:
            logits = follow(model, cache, ids[-1:], position + step)[-1]
    return ids, torch.stack(every)


def largest(one, other):
    return (one - other).abs().max().item()


def numbers(logits):
    return [[float(f"{value:.6g}") for value in row] for row in logits.tolist()]


def reading(model, ids, report):
    """The last logits of a text and what follows it; what should agree is compared."""
    cache = DynamicCache()
    logits = follow(model, cache, ids)
    tokens, steps = greedy(model, cache, logits[-1], len(ids), 32)
    if len(set(tokens)) < 12:
        raise NearTie
    report["cache and none"] = largest(steps, model(torch.tensor([ids + tokens[:-1]]), use_cache=False).logits[0, len(ids) - 1:])
    own = model(torch.tensor([ids]), use_cache=True)
    step = model(torch.tensor([tokens[:1]]), past_key_values=own.past_key_values).logits[0, -1]
    report["transformers' own cache"] = largest(step, steps[1])
    return dict(ids=ids, logits=numbers(logits[-8:]), greedy=tokens), logits


def golden(name, case, seed):
    """One case with one seed: {file's contents}, {what was compared: largest difference}."""
    folder, report = FAMILIES / name, {}
    made, model = make_checkpoint(folder, case, seed)
    config = model.config
    stream = random.Random(seed)
    draw = lambda length: [stream.randrange(len(SPECIAL), len(TOKENS)) for _ in range(length)]
    ids, following = draw(TEXT), draw(5)
    eager = model(torch.tensor([ids]), use_cache=False).logits[0]
    made.set_attn_implementation("eager")
    report["made and loaded"] = largest(made(torch.tensor([ids])).logits[0], eager)
    model.set_attn_implementation("kept")
    result = dict(
        versions=PINNED, model_type=case["type"], seed=seed, weights=str(case["dtype"]).removeprefix("torch."),
        gguf="no_gguf" not in case, **{key: case[key] for key in ["no_gguf", "note"] if key in case}, windows=windows(config))
    text, whole = reading(model, ids, report)
    result.update(text)
    report["eager and masked"] = largest(whole, eager)
    cache = DynamicCache()
    chunked = torch.cat([follow(model, cache, ids[:CHUNK]), follow(model, cache, ids[CHUNK:])])
    report["chunks and whole"] = largest(chunked, whole)
    if case.get("long"):
        result["long"], _ = reading(model, draw(LONG_TEXT), report)

    rows = ragged_rows(config, seed)
    result.update(next=following, ragged_rows=rows)
    for mode in ["logical", "compact"]:
        if mode == "compact" and any(windows(config)):
            result["no_ragged_compact"] = "a window's edge lies at a place in the text, which compact positions give up"
            continue
        kept = rows if mode == "logical" else [[own[::2] for own in heads] for heads in rows]
        cache = DynamicCache()
        follow(model, cache, ids)
        position = TEXT if mode == "logical" else compact(model, cache, kept)
        drop(kept, TEXT)
        logits = follow(model, cache, following, position)
        tokens, _ = greedy(model, cache, logits[-1], position + len(following), 8)
        DROPPED.clear()
        result["ragged_" + mode] = dict(logits=numbers(logits), greedy=tokens)
        cache = DynamicCache()
        follow(model, cache, ids)
        report[f"(full and {mode})"] = largest(follow(model, cache, following), logits)
    if "without" in case:
        report["(without the features)"] = min(
            largest(load(folder, config=configuration({**case, **changes}))(torch.tensor([ids]), use_cache=False).logits[0, -8:], whole[-8:])
            for changes in case["without"])
        if report["(without the features)"] < 0.05:
            raise NearTie
    if result["gguf"]:
        write_gguf(folder / "model.gguf", model, case["dtype"])
    return result, report


def note_checked(name, made, config):
    """Puts a case's row into CHECKED, in the order of CASES."""
    parameters = config["rope_parameters"]
    type = made["model_type"]
    row = dict(
        case=name, family=type, gguf=ARCHITECTURES.get(type, type) if made["gguf"] else None,
        rotation=parameters.get("full_attention", parameters)["rope_type"], window=any(made["windows"]),
        torch=PINNED["torch"], transformers=PINNED["transformers"], date=date.today().isoformat())
    rows = {own["case"]: own for own in json.loads(CHECKED.read_text())} | {name: row}
    CHECKED.write_text("[\n" + ",\n".join("  " + json.dumps(rows[case]) for case in CASES if case in rows) + "\n]\n")


def main():
    names = sys.argv[1:] or list(CASES)
    FAMILIES.mkdir(exist_ok=True)
    make_tokenizer()
    for name in names:
        with torch.no_grad():
            for seed in count(1):
                try:
                    made, report = golden(name, CASES[name], seed)
                    break
                except NearTie:
                    DROPPED.clear()
                    assert seed < 100, f"{name}: no seed will do"
        for what, difference in report.items():
            assert what.startswith("(") or difference < 1e-4, f"{name}: {what} differ by {difference}"
        path = FAMILIES / name / "golden.json"
        path.write_text(json.dumps(made) + "\n")
        note_checked(name, made, json.loads((path.parent / "config.json").read_text()))
        sizes = ", ".join(f"{file.name} {file.stat().st_size:,}" for file in sorted(path.parent.iterdir()) if file.name != "config.json")
        print(f"{name}: seed {seed}; " + ", ".join(f"{what} {value:.1e}" for what, value in report.items()) + f"; {sizes}", flush=True)


main()
