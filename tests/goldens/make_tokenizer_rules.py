"""Hashes of the token ids that Python's tokenizers give 10,000 odd texts under each rule of division.

    pip install tokenizers==0.22.2 transformers==5.2.0 sentencepiece==0.2.3 protobuf
    python make_tokenizer_rules.py

For tests/engine/tokenizer/tokenizer_rules_test.ts, which draws the texts anew from the same stream (CPython's random)
and the same pieces. The vocabularies are trained here on other texts of the same kind, without any division, so that
their merges reach over every border that a rule draws. The rules are written as the models' own tokenizer.json files
have them. SentencePiece's merges are those that transformers makes of scores; how many ids agree with SentencePiece's
own is printed.
"""

import hashlib
import io
import json
import random
import tempfile
from pathlib import Path

import sentencepiece
import tokenizers
import transformers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import generate_merges

VERSIONS = (tokenizers.__version__, transformers.__version__)
if VERSIONS != ("0.22.2", "5.2.0"):
    raise SystemExit(f"made with tokenizers 0.22.2 and transformers 5.2.0: here are {VERSIONS}")

HERE = Path(__file__).parent
SEED, TEXTS, BATCH = 23, 10_000, 500
TRAINING_SEED, TRAINING_TEXTS, VOCABULARY = 24, 4_000, 1_400
RANGES = [[0, 0x80], [0x20, 0x7F], [0x80, 0x250], [0x250, 0x3000], [0x3000, 0x10000], [0x10000, 0x20000], [0xE0000, 0xE0200]]
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<tool>"]
PIECES = [
    " ", "  ", "   ", " " * 9, "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\u00a0", "\u2003", "\u2028", "\u3000", "\ufeff", "\u200b",
    "\u200d", "\u0085", "0", "42", "407", "40718", "1234567", "\u0663", "\u0663\u0664\u0665\u0666", "\u00bd", "\u216b", "\u2460", "\U0001d7d9",
    "'s", "'S", "'LL", "'ll", "'\u017f", "don't", "DON'T", "I'm", "we've", "'d'", "e\u0301", "\u00e9", "A\u030a", "\u212b", "\uac00", "\u1100\u1161",
    "\ufb01", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u05e9\u05c1", "\u01c5", "\u02b0", "\U0001f469\u200d\U0001f469", "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd", "\u4f60\u597d", "\u6771\u4eac", " the", "The", " number", "HTMLParser", "camelCase", " ABC", "abcDEF", "x1y2",
    "/", "//", "a/b", "./\n", "/\n/", "...", "?!", "!!\n", ");\n", " {\n\t", "_", "__init__", "-", "--", "\u2014", "$", "$&", "+=", "#", "\u20ac", "\u2581",
    "\u2581\u2581", "<0x41>", "\x00", "\x7f", *SPECIAL,
]


def draw_text(draw):
    """Up to 12 pieces: one in four a character from one of the ranges, else one of the list."""
    text = ""
    for _ in range(1 + int(draw() * 12)):
        if draw() < 1 / 4:
            low, high = RANGES[int(draw() * len(RANGES))]
            code = low + int(draw() * (high - low))
            text += "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
        else:
            text += PIECES[int(draw() * len(PIECES))]
    return text


def texts(seed, count):
    draw = random.Random(seed).random
    return [draw_text(draw) for _ in range(count)]


TRAINING = texts(TRAINING_SEED, TRAINING_TEXTS)
DRAWN = texts(SEED, TEXTS)


def hashes(tokenizer):
    found = []
    for start in range(0, TEXTS, BATCH):
        digest = hashlib.sha256()
        for text in DRAWN[start : start + BATCH]:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            digest.update((",".join(map(str, ids)) + "\n").encode())
        found.append(digest.hexdigest())
    return found


# Byte-level BPE.

bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
words = pre_tokenizers.ByteLevel(add_prefix_space=False)
digits = pre_tokenizers.Digits(individual_digits=True)


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_only])


LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SEED_CODER = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# pre-tokenizer, normalizer, ignore_merges, by the first name of each rule
RULES = {
    "gpt-2": (words, None, False),
    "mpt": (words, normalizers.NFC(), False),
    "smollm": (pre_tokenizers.Sequence([digits, words]), None, False),
    "command-r": (pre_tokenizers.Sequence([digits, words]), normalizers.NFC(), False),
    "qwen2": (split(LLAMA3.replace("DIGITS", r"\p{N}")), normalizers.NFC(), False),
    "llama-bpe": (split(LLAMA3.replace("DIGITS", r"\p{N}{1,3}")), None, True),
    "dbrx": (split(LLAMA3.replace("DIGITS", r"\p{N}{1,3}")), None, False),
    "tekken": (split(TEKKEN), None, True),
    "gpt-4o": (split(GPT4O), None, False),
    "seed-coder": (split(SEED_CODER), None, False),
}


def special_tokens(**flags):
    return [AddedToken(token, normalized=False, special=token != "<tool>", **flags) for token in SPECIAL]


def byte_level(vocab, merges, pre_tokenizer, normalizer=None, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens(special_tokens())
    return tokenizer


trained = Tokenizer(models.BPE())
trained.pre_tokenizer = bytes_only
alphabet = pre_tokenizers.ByteLevel.alphabet()
trained.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=sorted(alphabet), show_progress=False))
model = json.loads(trained.to_str())["model"]
vocab, merges = dict(model["vocab"]), [tuple(merge) for merge in model["merges"]]
# A token that no merge makes: only rules that ignore merges give it.
for word in ["abcDEF", "\u0120the", "..."]:
    vocab.setdefault(word, len(vocab))
for token in SPECIAL:
    vocab.setdefault(token, len(vocab))
tokens = sorted(vocab, key=vocab.get)

# SentencePiece.

# Other characters, line ends among them, are left to byte fallback.
common = set("".join(PIECES)) - set("\n\r\x00")
proto_bytes = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter("".join(character for character in text if character in common) for text in TRAINING),
    model_writer=proto_bytes, model_type="bpe", vocab_size=1_200, byte_fallback=True, split_digits=True,
    normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True,
    character_coverage=0.9995, hard_vocab_limit=False, minloglevel=2,
    control_symbols=["<|im_start|>", "<|im_end|>"], user_defined_symbols=["<tool>", "\u2581\u2581", "\u2581\u2581\u2581", "\u2581\u2581\u2581\u2581"],
)
proto = sentencepiece_model_pb2.ModelProto()
proto.ParseFromString(proto_bytes.getvalue())
pieces = [(piece.piece, piece.score, piece.type) for piece in proto.pieces]
spm_vocab = {piece: index for index, (piece, _, _) in enumerate(pieces)}
UNKNOWN, CONTROL, USER = 2, 3, 4


def spm(prefix, rstrip=frozenset()):
    merges = generate_merges(spm_vocab, {piece: score for piece, score, _ in pieces})
    tokenizer = Tokenizer(models.BPE(vocab=spm_vocab, merges=merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    replace = normalizers.Replace(" ", "\u2581")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace] if prefix else [replace])
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + ([decoders.Strip(content=" ", left=1)] if prefix else []))
    tokenizer.add_tokens([
        AddedToken(piece, normalized=False, special=kind != USER, rstrip=piece in rstrip)
        for piece, _, kind in pieces if kind in (UNKNOWN, CONTROL, USER)
    ])
    return tokenizer


SPM_RULES = {
    "llama": spm(True),
    "gemma": spm(False),
    "phi-3": spm(True, {"</s>", "<|im_start|>", "<|im_end|>", "<tool>", "\u2581\u2581", "\u2581\u2581\u2581", "\u2581\u2581\u2581\u2581"}),
}
own = sentencepiece.SentencePieceProcessor(model_proto=proto_bytes.getvalue())
plain = [text for text in DRAWN if not any(token in text for token in [*SPECIAL, "\u2581", "<unk>", "\x00"])]
agree = sum(own.encode(text) == SPM_RULES["llama"].encode(text).ids for text in plain)
print(f"SentencePiece gives the same ids on {agree} of {len(plain)} texts without special tokens")

# Steps of tokenizer.json that implementations are known to take otherwise.

STEPS = {
    "Punctuation Isolated": pre_tokenizers.Punctuation("isolated"),
    "Punctuation Contiguous": pre_tokenizers.Punctuation("contiguous"),
    "Punctuation MergedWithPrevious": pre_tokenizers.Punctuation("merged_with_previous"),
    "Split MergedWithNext": pre_tokenizers.Split(" ", "merged_with_next"),
    "Split MergedWithPrevious": pre_tokenizers.Split(Regex(r"\p{N}|\s"), "merged_with_previous"),
    "Split Contiguous": pre_tokenizers.Split(Regex(r"\p{L}"), "contiguous"),
    "Split Removed": pre_tokenizers.Split(Regex(r"[\s\d]"), "removed"),
    "Split Removed, a String": pre_tokenizers.Split(" ", "removed"),
    "Split Removed, inverted": pre_tokenizers.Split(Regex(r"\w+"), "removed", invert=True),
    "Whitespace": pre_tokenizers.Whitespace(),
    "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
    "Digits": pre_tokenizers.Digits(individual_digits=False),
}
steps = {}
for name, step in STEPS.items():
    steps[name] = byte_level(vocab, merges, pre_tokenizers.Sequence([step, bytes_only]))
steps["ByteLevel with a space"] = byte_level(vocab, merges, pre_tokenizers.ByteLevel(add_prefix_space=True))
steps["Strip"] = byte_level(vocab, merges, words, normalizers.Strip())
steps["Replace by $&"] = byte_level(vocab, merges, words, normalizers.Replace("e", "$&$$"))
for scheme in ["always", "first", "never"]:
    for whole in [True, False]:
        tokenizer = spm(False)
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=whole)
        steps[f"Metaspace {scheme}{', split' if whole else ''}"] = tokenizer
stripping = byte_level(vocab, merges, words)
stripping = Tokenizer.from_str(stripping.to_str())
strip_json = json.loads(stripping.to_str())
for token in strip_json["added_tokens"]:
    token["lstrip"], token["rstrip"] = token["content"] in ("<s>", "<tool>"), token["content"] in ("</s>", "<tool>")
steps["lstrip and rstrip"] = Tokenizer.from_str(json.dumps(strip_json))
bounded = byte_level(vocab, merges, words)
ids = {token: bounded.token_to_id(token) for token in SPECIAL}
bounded.post_processor = processors.Sequence([
    processors.ByteLevel(trim_offsets=False),
    processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", ids["<s>"]), ("</s>", ids["</s>"])]),
])

# What tokenizer_config.json says beside tokenizer.json, as transformers has it. It drops add_bos_token and add_eos_token
# where there is a tokenizer.json, which transformers 4 did not, so they are not here.

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
NEXT = len(vocab)
SAMPLE = "the <think> <extra><pad> \u2028number</s>"
TOKEN = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
CONFIGS = {
    "nothing": {},
    "post-processor": {"tokenizer": "bounded"},
    "added_tokens_decoder": {"config": {"added_tokens_decoder": {
        str(NEXT): {**TOKEN, "content": "<think>", "special": False}, str(NEXT + 1): {**TOKEN, "content": "<pad>", "rstrip": True, "special": True},
    }}},
    "extra_special_tokens": {"config": {"extra_special_tokens": ["<extra>", "the"]}},
    "additional_special_tokens": {"config": {"additional_special_tokens": ["<extra>"]}},
    "named tokens": {"config": {"pad_token": "<pad>", "unk_token": {**TOKEN, "content": "<extra>", "special": True, "__type": "AddedToken"}}},
    "template": {"config": {"bos_token": "<s>", "chat_template": TEMPLATE}, "arguments": {"enable_thinking": False}},
}
MESSAGES = [{"role": "user", "content": "the number"}]
plain_json = json.loads(byte_level(vocab, merges, words).to_str())
configs = {}
for name, case in CONFIGS.items():
    with tempfile.TemporaryDirectory() as folder:
        source = json.loads(bounded.to_str()) if case.get("tokenizer") == "bounded" else plain_json
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **case.get("config", {})}
        Path(folder, "tokenizer.json").write_text(json.dumps(source))
        Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
        loaded = AutoTokenizer.from_pretrained(folder)
        arguments = case.get("arguments", {})
        configs[name] = {
            **case, "config": config, "vocab_size": len(loaded), "ids": loaded.encode(SAMPLE, add_special_tokens=False),
            "bounded_ids": loaded.encode(SAMPLE), "skipped": loaded.decode(loaded.encode(SAMPLE), skip_special_tokens=True),
        }
        if "chat_template" in config:
            configs[name]["rendered"] = loaded.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True, **arguments)


def without_model(tokenizer):
    """A tokenizer.json without what the test has already: model's vocabulary and merges."""
    found = json.loads(tokenizer.to_str())
    found["model"] = {**found["model"], "vocab": "spm" if found["model"]["byte_fallback"] else "bytes", "merges": None}
    if found["model"]["vocab"] == "spm":
        found["added_tokens"] = "spm"
    return found


golden = {
    "seed": SEED,
    "batch": BATCH,
    "ranges": RANGES,
    "pieces": PIECES,
    "special": SPECIAL,
    "bytes": {"tokens": tokens, "merges": [" ".join(merge) for merge in merges]},
    "spm": {
        "pieces": [piece for piece, _, _ in pieces],
        "scores": [round(score, 4) for _, score, _ in pieces],
        "types": [kind for _, _, kind in pieces],
    },
    "rules": {name: hashes(byte_level(vocab, merges, *rule)) for name, rule in RULES.items()},
    "spm_rules": {name: hashes(tokenizer) for name, tokenizer in SPM_RULES.items()},
    "steps": {name: {"tokenizer": without_model(tokenizer), "hashes": hashes(tokenizer)} for name, tokenizer in steps.items()},
    "sample": SAMPLE,
    "messages": MESSAGES,
    "plain": without_model(byte_level(vocab, merges, words)),
    "configs": configs,
    "bounded": {"tokenizer": without_model(bounded), "ids": bounded.encode("the").ids, "start": [ids["<s>"]], "end": [ids["</s>"]]},
}
path = HERE / "tokenizer_rules.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(f"{len(golden['rules'])} + {len(golden['spm_rules'])} rules, {len(steps)} steps, {TEXTS} texts each, {path.stat().st_size} bytes")
