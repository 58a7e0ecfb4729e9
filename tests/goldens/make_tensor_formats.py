"""Blocks of each stored type and their values by gguf-py, for tests/engine/checkpoint/tensor_format_test.ts, and where a
block has float16 numbers, for tests/engine/graph/weights_test.ts.

    pip install gguf==0.19.0 numpy==2.4.6
    python make_tensor_formats.py

Of each type: three blocks that gguf-py quantized, where it can, and for the quantized types four of random bytes, so
that every bit is set somewhere, under the scales that are hardest to get right. Bytes and values (little-endian float32)
are in base64.
"""

import base64
import json
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

VALUES = 96  # three blocks: of usual size, tiny, and large with an offset
QUANTIZED_BY_GGUF = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "MXFP4"]

# Where a block's float16 numbers are: its scale, and for some types what its minima are multiples of.
FLOATS = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
}
# For each random block: the least negative and the largest negative number, the largest and a denormal, both zeros, usual.
HALVES = np.uint16([[0x8001, 0xFBFF], [0x7BFF, 0x83FF], [0x8000, 0x0000], [0xAE66, 0x2C00]])
EXPONENTS = [0, 1, 2, 252]  # MXFP4's scale, a byte: two denormals, the least normal, the last without an infinite value

generator = np.random.default_rng(5)
values = generator.standard_normal(VALUES).astype(np.float32)
values *= np.repeat(np.float32([1, 1e-5, 1e3]), 32)
values += np.repeat(np.float32([0, 0, 500]), 32)


def random_blocks(name):
    blocks = generator.integers(0, 256, (4, GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]), dtype=np.uint8)
    if name == "MXFP4":
        blocks[:, 0] = EXPONENTS
    else:
        for index, at in enumerate(FLOATS[name]):
            blocks[:, at : at + 2] = HALVES[:, index : index + 1].view(np.uint8)
    return blocks.ravel()


def b64(array):
    return base64.b64encode(array.tobytes()).decode()


golden = {}
for name in [*QUANTIZED_BY_GGUF, *(name for name in FLOATS if name not in QUANTIZED_BY_GGUF)]:
    kind = GGMLQuantizationType[name]
    parts = []
    if name in QUANTIZED_BY_GGUF:
        parts.append(np.ascontiguousarray(quantize(values, kind)).view(np.uint8))
    if name not in ["F16", "BF16"]:
        parts.append(random_blocks(name))
    stored = np.concatenate(parts)
    decoded = dequantize(stored, kind).astype(np.float32)
    golden[name] = {"bytes": b64(stored), "values": b64(decoded), "floats": FLOATS.get(name, [])}
path = Path(__file__).parent / "tensor_formats.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
