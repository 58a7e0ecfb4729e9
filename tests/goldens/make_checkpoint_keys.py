"""Keys that llama.cpp and transformers know of tokenizers, generation and GGUF files, for checkpoint_keys_test.ts.

    pip install gguf==0.19.0 tokenizers==0.22.2 transformers==5.2.0
    python make_checkpoint_keys.py

The list is theirs; what the engine does with each key stands in docs/checkpoint_keys.md.
"""

import inspect
import json
import re
from pathlib import Path

import gguf
import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import GenerationConfig
from transformers import tokenization_utils_base, tokenization_utils_tokenizers
from transformers.utils.chat_template_utils import render_jinja_template

VERSIONS = (tokenizers.__version__, transformers.__version__)
if VERSIONS != ("0.22.2", "5.2.0"):
    raise SystemExit(f"made with tokenizers 0.22.2 and transformers 5.2.0: here are {VERSIONS}")

# Keys that llama.cpp's src/llama-arch.cpp has and gguf-py 0.19.0 lacks.
LLAMA_CPP = [
    "tokenizer.ggml.cls_token_id", "tokenizer.ggml.normalizer.lowercase", "tokenizer.ggml.normalizer.strip_accents",
    "tokenizer.ggml.suppress_tokens",
]
# What transformers takes from the caller under the names of tokenizer_config.json, or keeps there for itself.
NOT_IN_CONFIG = {
    "_commit_hash", "_from_auto", "_from_pipeline", "_is_local", "auto_class", "auto_map", "backend", "cache_dir",
    "device", "files_loaded", "force_download", "from_slow", "gguf_file", "is_local", "local_files_only", "max_length", "merges", "name_or_path",
    "pad_token_type_id", "pad_to_multiple_of", "post_processor", "return_tensors", "revision", "special_tokens_map_file", "stride",
    "subfolder", "text_pair", "token", "tokenizer", "tokenizer_file", "tokenizer_object", "truncation", "truncation_strategy", "trust_remote_code",
    "use_auth_token", "vocab", "vocab_file", "__slow_tokenizer", "_processor_class", "processor_class", "unk_id", "tokenizer_type", "user_agent",
    "commit_message", "init_inputs", "max_len", "max_target_length", "merges_file", "padding", "proxies", "repo_id",
    "save_jinja_files", "use_source_tokenizer", "verbose", "add_generation_prompt", "continue_final_message", "return_assistant_tokens_mask", "return_dict",
}


def constants(keys):
    return [value for name, value in vars(keys).items() if isinstance(value, str) and not name.startswith("_")]


def read_keys(module):
    source = inspect.getsource(module)
    found = re.findall(r'kwargs\.(?:get|pop|setdefault)\(\s*"(\w+)"', source)
    return found + re.findall(r'"(\w+)" in (?:init_)?kwargs', source)


def types(module, base):
    return sorted(
        name for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    )


config = set(read_keys(tokenization_utils_base)) | set(read_keys(tokenization_utils_tokenizers))
config |= set(tokenization_utils_base.PreTrainedTokenizerBase.SPECIAL_TOKENS_ATTRIBUTES) | {"tokenizer_class"}
bpe = json.loads(Tokenizer(models.BPE()).to_str())
token = json.loads((lambda t: (t.add_tokens([AddedToken("a")]), t.to_str())[1])(Tokenizer(models.BPE())))["added_tokens"][0]
keys = {
    "GGUF": constants(gguf.Keys.General) + constants(gguf.Keys.Split) + constants(gguf.Keys.Tokenizer) + LLAMA_CPP,
    "generation_config.json": sorted(key for key in GenerationConfig().to_dict() if not key.startswith("_")),
    "tokenizer_config.json": sorted(config - NOT_IN_CONFIG),
    "tokenizer.json": [
        *(key for key in bpe if key != "model"),
        *(f"added_tokens.{key}" for key in token),
        *(f"model.{key}" for key in bpe["model"]),
        *(f"model.type {name}" for name in types(models, models.Model)),
        *(f"normalizer {name}" for name in types(normalizers, normalizers.Normalizer)),
        *(f"pre_tokenizer {name}" for name in types(pre_tokenizers, pre_tokenizers.PreTokenizer)),
        *(f"post_processor {name}" for name in types(processors, processors.PostProcessor)),
        *(f"decoder {name}" for name in types(decoders, decoders.Decoder)),
    ],
    "chat template": ["messages", *(name for name in inspect.signature(render_jinja_template).parameters if name in ("tools", "documents", "add_generation_prompt"))],
}
path = Path(__file__).parent / "checkpoint_keys.json"
path.write_text(json.dumps(keys, indent=1) + "\n")
print({name: len(found) for name, found in keys.items()})
