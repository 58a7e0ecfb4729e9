"""Token ids of odd texts by Python's tokenizers, for tests/engine/tokenizer_test.ts.

    pip install tokenizers==0.22.2 gguf==0.19.0
    python make_tokenizer.py SmolLM2-135M-Instruct.Q4_1.gguf

The vocabulary is SmolLM2's, from its GGUF; the pipeline around it is written here as the models' own tokenizer.json
files have it. `small` is its first 500 tokens and a few more, stored whole, so that a test can run without the GGUF.
"""

import json
import random
import sys
from pathlib import Path

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

SEED = 7
TEXTS = 200
SMALL_MERGES = 250
# Of later merges, those that tell apart how the texts below are divided.
TELLING_MERGES = [("\u0120", "\xc2"), ("\u0120", "!"), ("!", "!")]
# Numbers, white space and bytes outside the vocabulary, where implementations are known to differ.
TELLING_TEXTS = [" \xbd", "  \u0663", "a \u2460\u2460", "  \x85", "  \ufeff", " \x85a", " \x04!", "!\x14!", "!\x06\x06!"]
CONTROL = 3

fields = gguf.GGUFReader(sys.argv[1]).fields
tokens = fields["tokenizer.ggml.tokens"].contents()
types = fields["tokenizer.ggml.token_type"].contents()
merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
special = [token for token, kind in zip(tokens, types) if kind == CONTROL]

MODERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(digits):
    pattern = Regex(MODERN.replace("DIGITS", digits))
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, "isolated"), bytes_only])


words = pre_tokenizers.ByteLevel(add_prefix_space=False)
# pre-tokenizer, normalizer, ignore_merges
PIPELINES = {
    "smollm": (pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words]), None, False),
    "gpt-2": (words, None, False),
    "qwen2": (split(r"\p{N}"), normalizers.NFC(), False),
    "llama-bpe": (split(r"\p{N}{1,3}"), None, True),
}


def build(vocabulary, merges, name):
    pre_tokenizer, normalizer, ignore_merges = PIPELINES[name]
    model = models.BPE(vocab={t: i for i, t in enumerate(vocabulary)}, merges=merges, ignore_merges=ignore_merges)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def make_texts(draw):
    white = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\ufeff\u200b\u180e"
    numbers = "0123456789\u0663\u096a\u0e53\xb2\xbd\u216b\u2460\U0001d7d9\u3007\u4e00"
    ends = ["'s", "'S", "'\u017f", "'LL", "'re", "'Ve", "don't", "I'M", "'d"]
    marks = ["e\u0301", "\xe9", "A\u030a", "\u212b", "\u1100\u1161", "\uac00", "\ufb01", "\u0928\u092e\u0938\u094d\u0924\u0947",
             "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u05e9\u05c1"]
    absent = ["\x04", "\x06", "\x13", "\x14", "\x16", "\x1d", "\U00050000", "\U0009fffd"]  # bytes SmolLM2 cannot spell

    def character(low, high):
        code = draw.randint(low, high)
        return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"

    pieces = [
        lambda: character(0, 0x7F), lambda: character(0x80, 0x2FFF), lambda: character(0x3000, 0xFFFF),
        lambda: character(0x10000, 0x1FFFF), lambda: draw.choice(white) * draw.randint(1, 5),
        lambda: draw.choice(numbers) * draw.randint(1, 4), lambda: draw.choice(special), lambda: draw.choice(ends),
        lambda: draw.choice(marks), lambda: draw.choice(absent),
        lambda: " " + "".join(draw.choice("abcdefghijklmnop") for _ in range(draw.randint(1, 9))),
    ]
    texts = ["", " ", "  ", "\n\n", "a" * 300, " " * 200, "0" * 50, "ab" * 100, "The quick brown fox jumps over 13 dogs."] + TELLING_TEXTS
    while len(texts) < TEXTS:
        texts.append("".join(draw.choice(pieces)() for _ in range(draw.randint(1, 14))))
    return texts


def encode(tokenizer):
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


draw = random.Random(SEED)
texts = make_texts(draw)
small_tokens = tokens[: tokens.index("".join(merges[SMALL_MERGES - 1])) + 1]
telling = [merge for merge in TELLING_MERGES if "".join(merge) not in small_tokens]
small_tokens += ["".join(merge) for merge in telling]
small = build(small_tokens, merges[:SMALL_MERGES] + telling, "smollm")
whole = build(tokens, merges, "smollm")
# ids that no text gives: characters cut in two, bytes in any order
pieces_of_characters = [[draw.randrange(len(small_tokens)) for _ in range(draw.randint(1, 20))] for _ in range(60)]
golden = {
    "texts": texts,
    "small": {
        "tokenizer": json.loads(small.to_str()),
        "ids": encode(small),
    },
    "ids": {name: encode(build(tokens, merges, name)) for name in PIPELINES},
    "decoded": [
        {
            "ids": ids,
            "text": whole.decode(ids, skip_special_tokens=False),
            "without_special": whole.decode(ids, skip_special_tokens=True),
        }
        for ids in pieces_of_characters
    ],
}
path = Path(__file__).parent / "tokenizer.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
