"""
The benchmark's worker for OpenVINO GenAI: `openvino_worker.py GGUF FOLDER`, a model and what the library's own reader made
of it, which is compiled for logits: its pipelines give none.
"""

import os
import sys
import time
from importlib.metadata import version

import numpy as np
import openvino as ov
import openvino_genai as genai
from openvino._offline_transformations import paged_attention_transformation

from protocol import measurement, missing, serve, token_times

gguf, folder = sys.argv[1:]
PROPERTIES = dict(INFERENCE_NUM_THREADS=os.cpu_count())
# Rows of a block, by which it evicts, on a processor.
BLOCK = 32
# The first and the last block stay, and one at least is chosen.
LEAST_ROWS = 3 * BLOCK
# Tokens of a run: a prompt is read in one, as the library's own LLMPipeline does.
CHUNK = 2**20
core = ov.Core()
model = core.read_model(f"{folder}/openvino_model.xml")
vocab_size = model.outputs[0].partial_shape[2].get_length()


def open_pipeline(rows=None):
    """The pipeline, of which every text is read anew; where rows are given, it evicts down to so many."""
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = False
    scheduler.max_num_batched_tokens = CHUNK
    if rows is not None:
        scheduler.use_cache_eviction = True
        recent = max(BLOCK, rows // 4 // BLOCK * BLOCK)
        importance = genai.AggregationMode.NORM_SUM
        scheduler.cache_eviction_config = genai.CacheEvictionConfig(BLOCK, recent, rows, importance)
    return genai.ContinuousBatchingPipeline(gguf, scheduler, "CPU", PROPERTIES)


def request(pipeline, ids, **settings):
    """Reads the ids; gives what comes, a result at a time."""
    config = genai.GenerationConfig(ignore_eos=True, apply_chat_template=False, **settings)
    handle = pipeline.add_request(0, ov.Tensor(np.array([ids], np.int64)), config)
    while pipeline.has_non_finished_requests():
        pipeline.step()
        while handle.can_read():
            yield handle.read()[0]


def timed(pipeline, ids, count):
    start = time.perf_counter()
    arrivals, cached = [], 0
    for _ in request(pipeline, ids, max_new_tokens=count + 1):
        arrivals.append(time.perf_counter())
        metrics = pipeline.get_metrics()
        # Pages in use, of those that were made for this text and for longer ones before it.
        cached = round(metrics.cache_usage / 100 * metrics.kv_cache_size_in_bytes)
    return [*token_times(start, arrivals, len(ids)), measurement("cache_bytes", "bytes", cached)]


pipeline = open_pipeline()


def tokens(ids, asked):
    measured = timed(pipeline, ids, asked["tokens"])
    for percent in asked["evict"]:
        metric = f"decode_evicted_{percent}"
        rows = int(len(ids) * (1 - percent / 100)) // BLOCK * BLOCK
        if rows < LEAST_ROWS:
            reason = f"it evicts blocks of {BLOCK} rows and keeps at least {LEAST_ROWS}"
            measured.append(missing(metric, "ms/token", reason))
            continue
        decode = next(each for each in timed(open_pipeline(rows), ids, asked["tokens"]) if each["metric"] == "decode")
        measured.append({**decode, "metric": metric})
    return measured


def logits(ids):
    """The model as the pipeline compiles it, attention over pages; checked against the pipeline's own words."""
    paged_attention_transformation(model)
    compiled = core.compile_model(model, "CPU", PROPERTIES)
    run = compiled.create_infer_request()
    blocks = -(-len(ids) // BLOCK)
    for port in compiled.inputs:
        if "cache" in port.any_name:
            shape = [size.get_length() for size in list(port.partial_shape)[1:]]
            run.set_tensor(port.any_name, ov.Tensor(port.element_type, ov.Shape([blocks, *shape])))
    count = len(ids)
    inputs = dict(
        input_ids=np.array(ids, np.int64),
        position_ids=np.arange(count, dtype=np.int64),
        past_lens=np.array([0], np.int32),
        subsequence_begins=np.array([0, count], np.int32),
        block_indices=np.arange(blocks, dtype=np.int32),
        block_indices_begins=np.array([0, blocks], np.int32),
        max_context_len=np.array(count, np.int32),
    )
    for name, value in inputs.items():
        run.set_tensor(name, ov.Tensor(value))
    run.infer()
    given = run.get_tensor("logits").data.reshape(count, vocab_size)
    check(ids, given)
    yield given


def check(ids, given):
    """A pipeline says how likely each token of a text was: what was compiled here must say the same."""
    texts = list(request(pipeline, ids, max_new_tokens=1, logprobs=1, echo=True))
    own = [value for text in texts for value in text.generated_log_probs][1 : len(ids)]
    said = [log_probability(logits, id) for logits, id in zip(given, ids[1:])]
    difference = np.abs(np.array(own) - np.array(said)).max()
    if difference > 0.01:
        raise RuntimeError(f"the model compiled for logits and the pipeline differ by {difference:.3f} in log-probability")


def log_probability(logits, id):
    shifted = logits.astype(np.float64) - logits.max()
    return shifted[id] - np.log(np.exp(shifted).sum())


serve(
    f"{version('openvino-genai')}, weights as its GGUF reader has them, "
    f"{core.get_property('CPU', 'INFERENCE_PRECISION_HINT').get_type_name()} products, "
    f"{core.get_property('CPU', 'KV_CACHE_PRECISION').get_type_name()} rows",
    vocab_size,
    tokens,
    logits,
)
