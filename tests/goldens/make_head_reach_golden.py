"""Writes what `headReach` is held to: kvpress's scores of heads by their mean query and key (DuoAttention on the fly).

    VENV/bin/python tests/goldens/make_head_reach_golden.py

The virtual environment is that of `make_policy_goldens.py`. kvpress draws its texts from a dataset; here it gets one text of
ours, and the mean queries and keys that it then turns are written beside the scores, so that the measure alone is compared.
"""

import json
import os
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

import kvpress.presses.duo_attention_press as duo

logging.disable_progress_bar()
HERE = Path(__file__).parent
MODEL = HERE / "qwen2_untied_f32"
IDS = [(7 * index * index + 3 * index) % 200 + 3 for index in range(300)]


class Texts:
    """Stands for the dataset: one text, whatever is asked of it."""

    def to_pandas(self):
        return self

    def sample(self, *_, **__):
        return {"chapter": self}

    def tolist(self):
        return ["a text"]


class Tokenizer:
    """Gives the ids above for any text."""

    @staticmethod
    def from_pretrained(_):
        class Inputs(dict):
            def to(self, _):
                return self

        return lambda *_, **__: Inputs(input_ids=torch.tensor([IDS]))


def main():
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    turned = []
    rotate = duo.apply_rotary_pos_emb

    def watched(queries, keys, cos, sin):
        turned.append((queries[0, :, 0], keys[0, :, 0]))
        return rotate(queries, keys, cos, sin)

    duo.apply_rotary_pos_emb = watched
    duo.load_dataset = lambda *_, **__: Texts()
    duo.AutoTokenizer = Tokenizer
    scores = duo.duo_attention_on_the_fly(model, num_samples=1)
    layers = [
        {"queries": queries.tolist(), "keys": keys.tolist(), "reach": [float(score) for score in scores[layer]]}
        for layer, (queries, keys) in enumerate(turned)
    ]
    config = model.config
    golden = {
        "head_dim": getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        "rope_theta": config.rope_parameters["rope_theta"],
        "layers": layers,
    }
    (HERE / "head_reach.json").write_text(json.dumps(golden) + "\n")


main()
