"""Blocks of each quantised type and their values by gguf-py, for tests/engine/tensor_format_test.ts.

    pip install gguf==0.19.0 numpy==2.4.6
    python make_tensor_formats.py
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize

VALUES = 96  # three blocks: of usual size, tiny, and large with an offset

generator = np.random.default_rng(5)
values = generator.standard_normal(VALUES).astype(np.float32)
values *= np.repeat(np.float32([1, 1e-5, 1e3]), 32)
values += np.repeat(np.float32([0, 0, 500]), 32)
golden = {}
for name in ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1"]:
    kind = GGMLQuantizationType[name]
    stored = quantize(values, kind)
    golden[name] = {
        "bytes": np.ascontiguousarray(stored).view(np.uint8).tolist(),
        "values": dequantize(stored, kind).astype(np.float32).tolist(),
    }
path = Path(__file__).parent / "tensor_formats.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
