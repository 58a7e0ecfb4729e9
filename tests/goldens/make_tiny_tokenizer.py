"""Hashes of the token ids that Python's tokenizers give 10,000 odd texts, for tests/engine/tiny_tokenizer_test.ts.

    pip install tokenizers==0.22.2
    python make_tiny_tokenizer.py

The texts are not stored: the test draws them anew from the same stream (CPython's random) and the same pieces.
"""

import hashlib
import json
import random
from pathlib import Path

from tokenizers import Tokenizer

HERE = Path(__file__).parent
SEED, TEXTS, BATCH = 11, 10_000, 100
RANGES = [[0, 0x80], [0x80, 0x3000], [0x3000, 0x10000], [0x10000, 0x20000], [0xE0000, 0xE0200], [0x20, 0x7F]]
PIECES = [
    " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2003", "\u2028", "\u3000", "\ufeff", "\u200b", "\u200d", "\u0085",
    "0", "42", "40718", "\u0663", "\u00bd", "\u216b", "\u2460", "\U0001d7d9", "'s", "'LL", "don't", "I'm",
    "e\u0301", "\u00e9", "\u212b", "\uac00", "\u1100\u1161", "\ufb01", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u05e9\u05c1",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "<|im_start|>", "<|im_end|>",
    "<|endoftext|>", "<|im_end", "|>", " The special number for", " is", " whale", " VAR", "Ahab", ".", "?!", "\u2014", "\x00", "\x7f",
]


def draw_text(draw):
    """Up to 12 pieces: one in three a character from one of the ranges, else one of the list."""
    text = ""
    for _ in range(1 + int(draw() * 12)):
        if draw() < 1 / 3:
            low, high = RANGES[int(draw() * len(RANGES))]
            code = low + int(draw() * (high - low))
            text += "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
        else:
            text += PIECES[int(draw() * len(PIECES))]
    return text


tokenizer = Tokenizer.from_file(str(HERE.parents[1] / "data/models/tiny/tokenizer.json"))
draw = random.Random(SEED).random
hashes, count = [], 0
for _ in range(TEXTS // BATCH):
    digest = hashlib.sha256()
    for _ in range(BATCH):
        ids = tokenizer.encode(draw_text(draw), add_special_tokens=False).ids
        count += len(ids)
        digest.update((",".join(map(str, ids)) + "\n").encode())
    hashes.append(digest.hexdigest())
golden = {"seed": SEED, "batch": BATCH, "ranges": RANGES, "pieces": PIECES, "hashes": hashes}
(HERE / "tiny_tokenizer.json").write_text(json.dumps(golden) + "\n")
print(f"{TEXTS} texts, {count} tokens")
