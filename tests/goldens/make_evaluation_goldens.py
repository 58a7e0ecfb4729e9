"""Writes what the evaluation is held to: prompts, answers and scores as kvpress 0.5.5 makes them.

    python3.11 -m venv VENV && VENV/bin/pip install torch==2.13.0 transformers==5.2.0 kvpress==0.5.5 pandas==2.3.3
    VENV/bin/python tests/goldens/make_evaluation_goldens.py CALCULATE_METRICS.py

CALCULATE_METRICS.py is `evaluation/benchmarks/ruler/calculate_metrics.py` of kvpress's repository, which the package
lacks. The model is `qwen2_untied_f32`, beside this script.
"""

import importlib.util
import json
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

PINNED = {"torch": "2.13.0", "transformers": "5.2.0", "kvpress": "0.5.5"}
for package, wanted in PINNED.items():
    assert version(package).split("+")[0] == wanted, f"{package} is {version(package)}, not {wanted}"
warnings.filterwarnings("ignore")
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import pandas as pd
import torch
from kvpress import KVPressTextGenerationPipeline, StreamingLLMPress
from transformers import AutoTokenizer, pipeline

torch.set_num_threads(1)
HERE = Path(__file__).parent
MODEL = str(HERE / "qwen2_untied_f32")
RIVER = "The river runs slowly past the old mill in spring. Farmers bring apples and bread to the market on Saturday. "
WIND = "A light wind moved the grass on the hill all afternoon. The library keeps old maps in a long wooden drawer.\n"
ROWS = [
    dict(task="colour", context=RIVER + WIND, question="What does the library keep? ", answer_prefix="The library keeps",
         answer=["old maps"], max_new_tokens=12),
    dict(task="colour", context=WIND * 3, question="Where is the wind? ", answer_prefix="", answer=["hill", "grass"],
         max_new_tokens=20),
    dict(task="market", context="  \n" + RIVER * 2 + "Über 10 €, naïve. ", question="", answer_prefix=" Farmers bring",
         answer=["apples", "bread"], max_new_tokens=8),
]
SAID = [
    ("niah_a", "The numbers are 123 and 4567.", ["123", "4567"]),
    ("niah_a", "\n 12\n3 \t", ["123", "9"]),
    ("niah_b", "ABC, abd", ["abc", "ABD", "xyz"]),
    ("niah_b", "", ["x"]),
    ("qa_1", "it is Paris or so", ["paris", "Lutetia"]),
    ("qa_1", "no", ["yes", "perhaps"]),
    ("vt", "A\x0bB C", ["ab", "b c", "a b"]),
]


def ids(tokenizer, row, aware):
    context, question = (row["context"] + row["question"], "") if aware else (row["context"], row["question"])
    made = KVPressTextGenerationPipeline.preprocess(
        SimpleNamespace(tokenizer=tokenizer), context, [question], row["answer_prefix"], int(1e10)
    )
    return dict(context_ids=made["context_ids"][0].tolist(), question_ids=made["questions_ids"][0][0].tolist())


tokenizer = AutoTokenizer.from_pretrained(MODEL)
plain = AutoTokenizer.from_pretrained(MODEL)
plain.chat_template = None
plain.bos_token = "<|im_start|>"
prompts = dict(
    chat=[ids(tokenizer, row, False) for row in ROWS],
    chat_aware=[ids(tokenizer, row, True) for row in ROWS],
    plain=[ids(plain, row, False) for row in ROWS],
)

pipe = pipeline("kv-press-text-generation", model=MODEL, device="cpu", dtype=torch.float32)
answers = {}
for name, press in [("keep_all", None), ("streaming_llm", StreamingLLMPress(0.5))]:
    with torch.inference_mode():
        answers[name] = [
            pipe(row["context"], question=row["question"], answer_prefix=row["answer_prefix"], press=press,
                 max_new_tokens=row["max_new_tokens"])["answer"]
            for row in ROWS
        ]

spec = importlib.util.spec_from_file_location("calculate_metrics", sys.argv[1])
metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(metrics)
frame = pd.DataFrame([dict(task=task, predicted_answer=said, answer=answer) for task, said, answer in SAID])
scores = {task: found["string_match"] for task, found in metrics.calculate_metrics(frame).items()}
said = [dict(task=task, prediction=prediction, answer=answer) for task, prediction, answer in SAID]
golden = dict(rows=ROWS, bos_token=plain.bos_token, prompts=prompts, answers=answers, said=said, scores=scores)
(HERE / "evaluation.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
print(json.dumps(dict(answers=answers, scores=scores), ensure_ascii=False, indent=1))
