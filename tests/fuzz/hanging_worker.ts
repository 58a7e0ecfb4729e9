/** A worker like fuzz_worker.ts whose fourth input does not end: tests/fuzz/fuzz_test.ts runs it. */
import type { Chunk, Faults } from "./fuzz.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Chunk>) => void;
  postMessage: (message: Faults | "ready") => void;
};

scope.onmessage = ({ data: { from, to, progress } }) => {
  for (let input = from; input < to; input++) {
    Atomics.store(progress, 1, Date.now() | 0);
    Atomics.store(progress, 0, input);
    while (input === 3);
  }
  scope.postMessage({ faults: [], counts: { accepted: to - from }, slowest: 0 });
};

scope.postMessage("ready");
