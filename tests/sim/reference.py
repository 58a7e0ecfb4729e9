"""The simulator of DESIGN section 3, written again in plain Python from its text alone: slow, obvious, independent of lib/.

    python3 tests/sim/reference.py > tests/goldens/simulate.json
"""

import hashlib
import json
import random
import sys
from array import array

DEFAULTS = dict(
    policy="hybrid", sequence_length=4096, seed=42, window_size=256, topk=96, sink_tokens=16, heavy_hitter_stride=128,
    head_count=8, head_dim=128, layer_count=24, bytes_per_value=2,
)
POLICIES = ["keep_all", "recent_window", "heavy_hitter", "hybrid"]

STREAM_SEEDS = [
    0, 1, 2, 42, -1, -42, 2**31, 2**32 - 1, 2**32, 2**32 + 1, -(2**32), 2**53, 2**64 - 1, 2**64, 2**64 + 5, -(2**70 + 3),
    2**96, 10**30, 2**19937 + 2**40 + 7, 3**14000,
]


def settings():
    """The table of DESIGN section 3, then every policy at its edges, then drawn settings."""
    yield dict(policy="keep_all", sequence_length=1024)
    yield dict(policy="recent_window", sequence_length=1024, window_size=256)
    yield dict(policy="heavy_hitter", sequence_length=1024, topk=96)
    yield dict(policy="hybrid", sequence_length=1024, window_size=192, topk=96)
    yield dict()
    for policy in POLICIES:
        yield dict(policy=policy, sequence_length=0)
        yield dict(policy=policy, sequence_length=1)
        yield dict(policy=policy, sequence_length=2, seed=0, sink_tokens=0, window_size=1, topk=1)
        yield dict(policy=policy, sequence_length=17, seed=-7, sink_tokens=3, heavy_hitter_stride=5, window_size=4, topk=5)
        yield dict(policy=policy, sequence_length=200, sink_tokens=500, window_size=0, topk=0)
        yield dict(policy=policy, sequence_length=200, sink_tokens=0, window_size=0, topk=7, heavy_hitter_stride=1)
        yield dict(policy=policy, sequence_length=200, window_size=900, topk=10, seed=2**32 + 1)
        yield dict(policy=policy, sequence_length=200, window_size=3, topk=900, seed=2**64 + 5)
        yield dict(policy=policy, sequence_length=1500, sink_tokens=4, heavy_hitter_stride=1000000, seed=-(2**70 + 3))
        yield dict(policy=policy, sequence_length=100003, window_size=5000, topk=2000, heavy_hitter_stride=64, seed=10**30)
        yield dict(policy=policy, sequence_length=777, head_count=2, head_dim=64, bytes_per_value=4, layer_count=30)
        yield dict(policy=policy, sequence_length=4097, head_count=3, head_dim=80, bytes_per_value=1, layer_count=1)
    # Only random() draws the same in every version of Python.
    generator = random.Random(2026)
    below = lambda limit: int(generator.random() * limit)
    choice = lambda values: values[below(len(values))]
    for _ in range(40):
        yield dict(
            policy=choice(POLICIES),
            sequence_length=choice([1, 2, 3, 17, 100, 1024, 3000, 8192]) + below(50),
            seed=choice([-1, 1]) * below(2**53) * choice([1, 2**20, 3**50]) + below(100),
            window_size=choice([0, 1, 16, 192, 300, 9000]),
            topk=choice([0, 1, 16, 96, 333, 9000]),
            sink_tokens=choice([0, 1, 4, 16, 64]),
            heavy_hitter_stride=choice([1, 2, 7, 11, 100, 128, 4096]),
            head_count=1 + below(32),
            head_dim=choice([32, 64, 128]),
            layer_count=1 + below(80),
            bytes_per_value=choice([1, 2, 4]),
        )


def synthetic_sequence(s):
    stream = random.Random(s["seed"])
    n, sinks, stride = s["sequence_length"], s["sink_tokens"], s["heavy_hitter_stride"]
    tokens = []
    for idx in range(n):
        novelty_draw = stream.random()
        attention_draw = stream.random()
        if idx < sinks:
            role = "sink"
        elif idx % stride == 0:
            role = "anchor"
        elif idx % 11 in (0, 1, 2, 3):
            role = "boilerplate"
        else:
            role = "content"
        recency = idx / max(1, n - 1)
        attention = 0.1 + 0.4 * recency
        if idx < sinks:
            attention += 0.7
        if idx % stride == 0:
            attention += 0.9
        if role == "anchor":
            attention += 0.35
        if role == "boilerplate":
            attention -= 0.18
        attention = max(0.0, attention + attention_draw * 0.1)
        novelty = 0.2 + novelty_draw * 0.6
        if role == "boilerplate":
            novelty *= 0.35
        elif role == "anchor":
            novelty = min(1.0, novelty + 0.3)
        tokens.append(dict(idx=idx, role=role, recency=recency, attention=attention, novelty=novelty))
    return tokens


def top(tokens, k, key):
    return {token["idx"] for token in sorted(tokens, key=key, reverse=True)[:k]}


def kept_by(s, tokens):
    n = len(tokens)
    sinks = set(range(min(n, s["sink_tokens"])))
    newest = set(range(max(0, n - s["window_size"]), n))
    if s["policy"] == "keep_all":
        return set(range(n))
    if s["policy"] == "recent_window":
        return sinks | newest
    if s["policy"] == "heavy_hitter":
        return sinks | top(tokens, s["topk"], lambda t: (t["attention"], t["novelty"]))
    return sinks | newest | top(
        tokens, s["topk"], lambda t: (0.75 * t["attention"] + 0.25 * t["novelty"], t["recency"])
    )


def share_kept(target, kept):
    return len(target & kept) / len(target) if target else 1.0


def simulate(s):
    tokens = synthetic_sequence(s)
    kept = kept_by(s, tokens)
    n = len(tokens)
    bytes_per_token = 2 * s["layer_count"] * s["head_count"] * s["head_dim"] * s["bytes_per_value"]
    result = dict(
        policy=s["policy"],
        sequence_length=n,
        bytes_per_token=bytes_per_token,
        stats=dict(
            kept_tokens=len(kept),
            dropped_tokens=n - len(kept),
            kept_ratio=len(kept) / max(1, n),
            estimated_bytes=len(kept) * bytes_per_token,
            estimated_saved_bytes=(n - len(kept)) * bytes_per_token,
            heavy_hitter_recall=share_kept(top(tokens, s["topk"], lambda t: t["attention"]), kept),
            sink_recall=share_kept({t["idx"] for t in tokens if t["role"] == "sink"}, kept),
        ),
    )
    return result, sha256(tokens, kept)


def sha256(tokens, kept):
    """Hashes of the little-endian columns: any bit that differs shows."""
    columns = dict(
        roles=array("B", [["sink", "anchor", "boilerplate", "content"].index(t["role"]) for t in tokens]),
        attention=array("d", [t["attention"] for t in tokens]),
        novelty=array("d", [t["novelty"] for t in tokens]),
        kept=array("I", sorted(kept)),
    )
    assert sys.byteorder == "little" and columns["kept"].itemsize == 4
    return {name: hashlib.sha256(column.tobytes()).hexdigest() for name, column in columns.items()}


def stream(seed):
    """Draws 1 to 4 and 1,999 to 2,000: the second half has twisted the state again."""
    generator = random.Random(seed)
    draws = [generator.random() for _ in range(2000)]
    return dict(seed=str(seed), first=draws[:4], last=draws[-2:])


def main():
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # the longest seed has 6,680 digits
    runs = []
    for given in settings():
        setting = {**DEFAULTS, **given}
        result, hashes = simulate(setting)
        runs.append(dict(setting={**setting, "seed": str(setting["seed"])}, result=result, sha256=hashes))
    lines = lambda rows: ",\n".join(json.dumps(row) for row in rows)
    print(f'{{\n"streams": [\n{lines(stream(seed) for seed in STREAM_SEEDS)}\n],\n"runs": [\n{lines(runs)}\n]\n}}')


if __name__ == "__main__":
    main()
