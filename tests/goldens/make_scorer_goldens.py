"""Writes what scorers are held to: scores of made-up answers as kvpress 0.5.5's evaluation computes them.

    python3.11 -m venv VENV && VENV/bin/pip install rouge==1.0.1 && pip download kvpress==0.5.5 --no-deps --no-binary :all:
    VENV/bin/python tests/goldens/make_scorer_goldens.py KVPRESS/evaluation

KVPRESS is the unpacked source of kvpress, whose wheel lacks the evaluation. What its files import beside `rouge` is for
Chinese, code and progress bars, which no case here needs.
"""

import importlib
import json
import random
import sys
import types
from importlib.metadata import version
from pathlib import Path

assert version("rouge") == "1.0.1", f"rouge is {version('rouge')}, not 1.0.1"
for name, members in [("jieba", []), ("fuzzywuzzy", ["fuzz"]), ("numpy", []), ("tqdm", ["tqdm"]), ("pandas", ["DataFrame"])]:
    sys.modules[name] = types.ModuleType(name)
    for member in members:
        setattr(sys.modules[name], member, None)
sys.path.insert(0, sys.argv[1])
metrics = {name: importlib.import_module(f"benchmarks.{name}.calculate_metrics") for name in ["longbench", "infinite_bench", "aime25"]}

ONE_LINE = ["trec", "triviaqa", "samsum", "lsht"]
CLASSES = ["city", "city hall", "state", "country", "other location"]
CASES = [
    ("qasper", " The cat sat on a mat.", ["the mat", "A cat"], None),
    ("qasper", "state-of-the-art, an Übung", ["state of the art", "übung"], None),
    ("qasper", "", ["nothing"], None),
    ("hotpotqa", "yes yes yes", ["Yes", "no yes"], None),
    ("triviaqa", "\nParis\nQuestion: where?", ["Paris", "Lutetia"], None),
    ("gov_report", "The fund grew. It grew by ten percent in a year.", ["In a year the fund grew by ten percent."], None),
    ("qmsum", "a b c d e", ["a c e b d"], None),
    ("qmsum", "w1 w2 w6 w7 w8. w1 w3 w8 w9 w5", ["w1 w2 w3 w4 w5"], None),
    ("samsum", "Ann is late. \nBob waits", ["Bob waits for Ann", "Ann is late"], None),
    ("multi_news", "", ["Something happened."], None),
    ("multi_news", "... one. .two", ["one two", ". two"], None),
    ("trec", "city hall\nQuestion", ["city hall"], CLASSES),
    ("trec", "city", ["city hall"], CLASSES),
    ("trec", " a city or a country", ["country"], CLASSES),
    ("trec", "none", ["state"], CLASSES),
    ("longbook_qa_eng", "Mr. Darcy did", ["Darcy", "mr darcy"], None),
    ("longdialogue_qa_eng", "it was AHAB", ["Starbuck", "Ahab"], None),
    ("longbook_choice_eng", "The answer is (B).", ["B", "An old house"], None),
    ("longbook_choice_eng", "A, or rather C", ["C", "The sea"], None),
    ("longbook_choice_eng", "A, or rather C", ["A", "The land"], None),
    ("longbook_choice_eng", "An old house", ["D", "An old house"], None),
    ("longbook_choice_eng", "the answer is: An old house!", ["D", "An old house"], None),
    ("longbook_choice_eng", "I think option is The sea", ["B", "The sea"], None),
    ("longbook_choice_eng", "", ["A"], None),
    ("longbook_choice_eng", "it is the sea", ["A", "The land"], None),
    ("aime25", r"so \boxed{12} and thus \boxed{3{4}} .", ["3{4}"], None),
    ("aime25", r"so \boxed{12", ["12"], None),
]


def drawn(count):
    """Texts of a few words, drawn: as many ties between common subsequences as there can be."""
    stream = random.Random(7)
    text = lambda most: "".join(stream.choice(["a ", "b ", "c ", "the ", "d. ", "e, ", "a. "]) for _ in range(stream.randint(1, most)))
    for task in ["qmsum", "qasper"]:
        for _ in range(count):
            yield task, text(14), [text(10) for _ in range(stream.randint(1, 2))], None


def score(task, prediction, answer, classes):
    if task == "aime25":
        return max(float(metrics["aime25"].score_aime(prediction, right)) for right in answer)
    if task.startswith("long"):
        return metrics["infinite_bench"].get_score_one(prediction, answer, task, "")
    said = prediction.lstrip().split("\n")[0] if task in ONE_LINE else prediction
    metric = metrics["longbench"].dataset2metric[task]
    return max(float(metric(said.lstrip(), right, all_classes=classes)) for right in answer)


golden = [
    dict(task=task, prediction=prediction, answer=answer, **({"all_classes": classes} if classes else {}),
         score=score(task, prediction, answer, classes))
    for task, prediction, answer, classes in [*CASES, *drawn(40)]
]
lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in golden)
(Path(__file__).parent / "scorers.json").write_text(f"[\n{lines}\n]\n")
print(f"{len(golden)} cases, {sum(case['score'] > 0 for case in golden)} of them above 0")
