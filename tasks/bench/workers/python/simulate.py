"""`simulate.py REFERENCE TOKENS`: times the original's simulator, as tests/sim/reference.py has it; prints seconds and peak bytes."""

import json
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location

from memory import peak_bytes

path, length = sys.argv[1:]
specification = spec_from_file_location("reference", path)
reference = module_from_spec(specification)
specification.loader.exec_module(reference)
reference.sha256 = lambda tokens, kept: None  # hashes are the tests' business, not the original's

start = time.perf_counter()
result, _ = reference.simulate({**reference.DEFAULTS, "sequence_length": int(length)})
seconds = time.perf_counter() - start
print(json.dumps(dict(seconds=seconds, peakBytes=peak_bytes(), version=sys.version.split()[0], stats=result["stats"])))
