"""The benchmark's protocol as `worker.ts` speaks it: one line when ready, then one answer a request, JSON on stdin and stdout."""

import json
import os
import random
import signal
import sys
import time

from memory import peak_bytes, resident_bytes

# Ctrl-C ends it without a word: who started it says what was interrupted.
signal.signal(signal.SIGINT, signal.SIG_DFL)

# Libraries print what they like: it goes to stderr, and stdout stays clean.
_lines = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

WARM_UP = dict(measure="tokens", context=64, tokens=4, evict=False)


def measurement(metric, unit, *samples):
    return dict(metric=metric, unit=unit, samples=list(samples))


def token_times(start, arrivals, context):
    """As measurement.ts has it; times in seconds."""
    first = 1000 * (arrivals[0] - start)
    steps = [1000 * (after - before) for before, after in zip(arrivals, arrivals[1:])]
    return [
        measurement("prefill", "tokens/s", 1000 * context / first),
        measurement("first_token", "ms", first),
        measurement("decode", "ms/token", *steps),
    ]


def random_ids(count, vocab_size):
    """The ids that every other system reads."""
    stream = random.Random(count)
    return [int(stream.random() * vocab_size) for _ in range(count)]


def serve(version, vocab_size, tokens, study=None):
    """Answers requests; `tokens(ids, count)` and `study(request)` give measurements."""
    loaded = dict(loadedAt=round(1000 * time.time()), loadedBytes=resident_bytes())

    def answer(request):
        if request["measure"] == "tokens":
            return tokens(random_ids(request["context"], vocab_size), request["tokens"])
        if request["measure"] == "memory":
            return [measurement("resident_peak", "bytes", peak_bytes())]
        return study(request) if study else []

    answer(WARM_UP)
    print(json.dumps(dict(version=version, **loaded)), file=_lines)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=_lines)
