"""Writes cache_layouts.json: what the caches of small random models hold in transformers, layer by layer.

    python make_cache_layouts.py

`models`: a configuration, the tokens that were read, and the shapes of each layer's tensors without the batch.
`silent`: what transformers takes where config.json says no more than the number of layers, hidden_size and heads.
"""

import json
import pathlib

import torch
import transformers
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.bamba.modeling_bamba import HybridMambaAttentionDynamicCache as BambaCache
from transformers.models.falcon_h1.modeling_falcon_h1 import FalconHybridMambaAttentionDynamicCache as FalconCache
from transformers.models.granitemoehybrid.modeling_granitemoehybrid import (
    HybridMambaAttentionDynamicCache as GraniteCache,
)

assert transformers.__version__ == "5.2.0", transformers.__version__

TOKENS = 23
BASE = dict(
    hidden_size=32,
    num_hidden_layers=6,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
)
SLIDES = dict(sliding_window=8, num_hidden_layers=8)
MAMBA = dict(mamba_n_heads=8, mamba_d_head=8, mamba_d_state=16, mamba_n_groups=2)
DELTA = dict(
    head_dim=16,
    num_hidden_layers=8,
    linear_num_value_heads=4,
    linear_num_key_heads=2,
    linear_key_head_dim=8,
    linear_value_head_dim=12,
)
# What makes a model small, or lets it run, and says nothing of its cache.
SMALL = dict(vocab_size=64, intermediate_size=48, pad_token_id=0, bos_token_id=1, eos_token_id=2)
EXPERTS = dict(
    num_experts=2,
    num_local_experts=2,
    n_routed_experts=2,
    num_experts_per_tok=1,
    moe_intermediate_size=16,
    shared_expert_intermediate_size=16,
)
MODELS = [
    ("llama", {}, {}),
    ("llama", dict(head_dim=12), {}),
    ("arcee", {}, {}),
    ("apertus", {}, {}),
    ("seed_oss", dict(head_dim=16), {}),
    ("mistral", SLIDES, {}),
    ("mistral", dict(sliding_window=None), {}),
    ("ministral", dict(head_dim=12, **SLIDES), {}),
    ("ministral3", dict(head_dim=16), {}),
    ("mixtral", SLIDES, EXPERTS),
    ("phimoe", SLIDES, EXPERTS),
    ("qwen2", {}, {}),
    ("qwen2", dict(use_sliding_window=True, sliding_window=8, max_window_layers=2), {}),
    ("qwen2_moe", {}, EXPERTS),
    ("qwen2_moe", dict(use_sliding_window=True, sliding_window=8, max_window_layers=3), EXPERTS),
    ("qwen3", dict(head_dim=16), {}),
    ("qwen3_moe", {}, EXPERTS),
    ("smollm3", {}, {}),
    ("gemma", dict(head_dim=16), {}),
    ("gemma2", dict(head_dim=16, **SLIDES), {}),
    ("gemma3_text", dict(head_dim=16, **SLIDES), {}),
    (
        "gemma3n_text",
        dict(head_dim=16, sliding_window=8, num_hidden_layers=10, num_kv_shared_layers=4),
        dict(
            hidden_size_per_layer_input=8,
            vocab_size_per_layer_input=64,
            laurel_rank=4,
            activation_sparsity_pattern=[0.0] * 10,
        ),
    ),
    ("phi", {}, {}),
    ("gpt_neox", dict(num_key_value_heads=None), {}),
    ("stablelm", {}, {}),
    ("granitemoe", {}, EXPERTS),
    ("phi3", SLIDES, {}),
    ("phi3", dict(sliding_window=None), {}),
    ("olmo", {}, {}),
    ("olmo2", {}, {}),
    ("olmoe", {}, EXPERTS),
    ("granite", {}, {}),
    ("cohere", {}, {}),
    ("olmo3", SLIDES, {}),
    ("cohere2", SLIDES, {}),
    ("exaone4", SLIDES, {}),
    ("starcoder2", SLIDES, {}),
    ("gpt_oss", dict(head_dim=16, **SLIDES), EXPERTS),
    ("glm", dict(head_dim=16), {}),
    ("glm4", dict(head_dim=16), {}),
    ("glm4_moe", dict(head_dim=16), EXPERTS),
    ("minimax_m2", dict(head_dim=16), EXPERTS),
    (
        "llama4_text",
        dict(head_dim=16, attention_chunk_size=8, num_hidden_layers=8),
        dict(num_local_experts=2, intermediate_size_mlp=48),
    ),
    ("lfm2", dict(layer_types=["conv", "full_attention"] * 3, conv_L_cache=3), {}),
    ("lfm2", dict(full_attn_idxs=[2, 5], conv_L_cache=4), {}),
    ("qwen3_next", DELTA, EXPERTS),
    ("qwen3_5_text", DELTA, {}),
    ("qwen3_5_moe_text", DELTA, EXPERTS),
    (
        "granitemoehybrid",
        dict(layer_types=["mamba", "mamba", "attention"] * 2, mamba_expand=2, **MAMBA),
        dict(num_local_experts=0, shared_intermediate_size=48),
    ),
    ("bamba", dict(attn_layer_indices=[1, 4], mamba_expand=2, **MAMBA), {}),
    ("falcon_h1", dict(mamba_d_ssm=64, **MAMBA), {}),
    (
        "jamba",
        dict(num_hidden_layers=8, attn_layer_period=4, attn_layer_offset=2, mamba_d_state=16, mamba_d_conv=4),
        dict(num_experts=2, use_mamba_kernels=False),
    ),
    ("mamba", dict(state_size=16, expand=2, conv_kernel=4), {}),
    ("falcon_mamba", dict(state_size=16, expand=2, conv_kernel=4), {}),
    ("mamba2", dict(state_size=16, expand=2, conv_kernel=4, num_heads=8, head_dim=8, n_groups=2), {}),
]
# Caches that `generate` makes and a plain call does not.
CACHES = dict(granitemoehybrid=GraniteCache, bamba=BambaCache, falcon_h1=FalconCache)
WITHOUT_ATTENTION = ("mamba", "falcon_mamba", "mamba2")


def layer_shapes(cache, layer):
    """The shapes of one layer's tensors, without the batch."""
    tensors = {}
    if hasattr(cache, "layers"):
        if layer < len(cache.layers):
            tensors |= dict(keys=cache.layers[layer].keys, values=cache.layers[layer].values)
    elif hasattr(cache, "key_cache"):
        tensors |= dict(keys=cache.key_cache[layer], values=cache.value_cache[layer])
    for name in ("conv_states", "ssm_states", "recurrent_states"):
        if (states := getattr(cache, name, None)) is not None:
            tensors[name] = states[layer]
    if hasattr(cache, "conv_cache") and cache.layer_types[layer] == "conv":
        tensors["conv_states"] = cache.conv_cache[layer]  # it makes one for attention layers too, and leaves it zero
    return {name: list(tensor.shape[1:]) for name, tensor in tensors.items() if tensor is not None and tensor.numel()}


def model_entry(model_type, said, unsaid):
    said = {name: value for name, value in {**BASE, **said}.items() if value is not None or name == "sliding_window"}
    if model_type in WITHOUT_ATTENTION:
        said = {name: value for name, value in said.items() if not name.startswith(("num_attention", "num_key", "max_"))}
    small = {name: value for name, value in SMALL.items() if model_type not in WITHOUT_ATTENTION or name[0] != "i"}
    config = CONFIG_MAPPING[model_type](**said, **small, **unsaid)
    model = AutoModelForCausalLM.from_config(config).eval()
    given = {}
    if model_type in CACHES:
        given["past_key_values"] = CACHES[model_type](config, 1, torch.float32, **(
            dict(devices=["cpu"] * config.num_hidden_layers) if model_type == "falcon_h1" else {}
        ))
    with torch.no_grad():
        output = model(torch.arange(3, 3 + TOKENS)[None], use_cache=True, **given)
    cache = getattr(output, "past_key_values", None)
    cache = output.cache_params if cache is None else cache
    layers = [layer_shapes(cache, layer) for layer in range(config.num_hidden_layers)]
    return dict(config=dict(model_type=model_type, **said), tokens=TOKENS, layers=layers)


def silent_entry(model_type):
    said = dict(num_hidden_layers=8, hidden_size=2048, num_attention_heads=32)
    config = CONFIG_MAPPING[model_type](**said)
    kv_heads = getattr(config, "num_key_value_heads", None) or 32
    head_dim = getattr(config, "head_dim", None) or 64
    layer_types = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    return dict(
        config=dict(model_type=model_type, **said),
        kv_heads=kv_heads,
        head_dim=head_dim,
        layer_types=layer_types,
        sliding_window=window,
        shared=getattr(config, "num_kv_shared_layers", 0),
    )


def main():
    torch.manual_seed(0)
    # Their layers are not told by config.json alone, or have states beside rows: `models` holds them.
    hybrids = ("bamba", "granitemoehybrid", "falcon_h1", "jamba", *WITHOUT_ATTENTION)
    names = dict.fromkeys(name for name, _, _ in MODELS if name not in hybrids)
    golden = dict(
        transformers=transformers.__version__,
        models=[model_entry(*model) for model in MODELS],
        silent=[silent_entry(name) for name in names if name not in ("gemma3n_text",)],
    )
    lines = [json.dumps(entry, separators=(",", ":")) for entry in golden["models"]]
    silent = [json.dumps(entry, separators=(",", ":")) for entry in golden["silent"]]
    text = '{"transformers":"%s","models":[\n%s\n],"silent":[\n%s\n]}\n' % (
        golden["transformers"], ",\n".join(lines), ",\n".join(silent))
    pathlib.Path(__file__).with_name("cache_layouts.json").write_text(text)


main()
