"""Writes the keys that config.json and a GGUF file's metadata may have: what transformers' configuration classes of the
engine's families take, and what gguf-py names.

    python3.11 -m venv VENV && VENV/bin/pip install torch==2.13.0 transformers==5.2.0 gguf==0.19.0
    VENV/bin/python tests/goldens/make_config_keys.py
"""

import inspect
import json
import os
from importlib.metadata import version
from pathlib import Path

PINNED = {"transformers": "5.2.0", "gguf": "0.19.0"}
for package, wanted in PINNED.items():
    assert version(package) == wanted, f"{package} is {version(package)}, not {wanted}"
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

from gguf.constants import Keys
from transformers import PreTrainedConfig
from transformers.modeling_rope_utils import RopeParameters
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

FAMILIES = [
    "llama", "qwen2", "qwen3", "mistral", "ministral", "phi3", "gemma", "gemma2", "gemma3_text", "smollm3", "granite",
    "olmo2", "seed_oss",
]


def arguments(configuration):
    return [name for name in inspect.signature(configuration.__init__).parameters if name not in ["self", "kwargs"]]


def written(configuration):
    """Keys that a saved configuration has."""
    return list(configuration().to_dict())


def metadata_keys(group):
    """Keys behind the architecture's name, in a class of constants and those inside it."""
    for value in vars(group).values():
        if inspect.isclass(value):
            yield from metadata_keys(value)
        elif isinstance(value, str) and value.startswith("{arch}."):
            yield value.removeprefix("{arch}.")


families = {
    name: sorted({*arguments(CONFIG_MAPPING[name]), *arguments(PreTrainedConfig), *written(CONFIG_MAPPING[name])})
    for name in FAMILIES
}
every = set.intersection(*map(set, families.values()))
layers = [layer for key in metadata_keys(Keys) for layer in (
    [key.format(dense=dense) for dense in ["dense_2", "dense_3"]] if "{dense}" in key else [key])]
keys = dict(
    versions=PINNED, every_family=sorted(every), families={name: sorted(set(own) - every) for name, own in families.items()},
    rope_parameters=sorted(RopeParameters.__annotations__), metadata=sorted(set(layers)))
(Path(__file__).parent / "config_keys.json").write_text(json.dumps(keys, indent=1) + "\n")
