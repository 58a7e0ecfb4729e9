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

WARM_UP = dict(measure="tokens", context=64, tokens=4, evict=[])


def measurement(metric, unit, *samples):
    return dict(metric=metric, unit=unit, samples=list(samples))


def token_times(start, arrivals, context):
    """As measurement.ts has it; times in seconds."""
    first = 1000 * (arrivals[0] - start)
    steps = [1000 * (after - before) for before, after in zip(arrivals, arrivals[1:])]
    read = [measurement("prefill", "tokens/s", 1000 * context / first), measurement("first_token", "ms", first)]
    return [*read, measurement("decode", "ms/token", *steps)] if steps else read


def random_ids(count, vocab_size):
    """The ids that every other system reads."""
    stream = random.Random(count)
    return [int(stream.random() * vocab_size) for _ in range(count)]


def missing(metric, unit, reason):
    """A metric that the system cannot give, and why."""
    return dict(metric=metric, unit=unit, samples=[], reason=reason)


def read_time(measurements):
    """Seconds that a text took, by the time to the first token."""
    first = next(each for each in measurements if each["metric"] == "first_token")
    return [measurement("read_full", "s", *(ms / 1000 for ms in first["samples"]))]


def write_logits(path, chunks):
    """Arrays of logits, `[any number, vocab]`, one after the other, as float32 in little-endian order."""
    with open(path, "wb") as file:
        for chunk in chunks:
            chunk.astype("<f4", copy=False).tofile(file)
    return []


def serve(version, vocab_size, tokens, logits, study=None):
    """Answers requests; `tokens(ids, request)` and `study(request)` give measurements, `logits(ids)` arrays."""
    loaded = dict(loadedAt=round(1000 * time.time()), loadedBytes=resident_bytes())

    def answer(request):
        if request["measure"] == "tokens":
            return tokens(random_ids(request["context"], vocab_size), request)
        if request["measure"] == "logits":
            return write_logits(request["path"], logits(request["ids"]))
        if request["measure"] == "read":
            read = dict(measure="tokens", context=request["context"], tokens=0, evict=[])
            return read_time(answer(read))
        if request["measure"] == "memory":
            return [measurement("resident_peak", "bytes", peak_bytes())]
        return study(request) if study else []

    answer(WARM_UP)
    print(json.dumps(dict(version=version, **loaded)), file=_lines)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=_lines)
