import { defaultFrequencies } from "../../lib/numeric/rotary.ts";
import { uniformRotary } from "../fixtures/uniform_rotary.ts";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { replay, simulate, type SyntheticSequence, type TraceSummary } from "kvmirror";
import { KvCache } from "kvmirror/engine";
import { type Policy, policy } from "kvmirror/policies";
import { promptRole, tokenNovelty } from "../../lib/trace/trace_summary.ts";
import { appendRows } from "../fixtures/append_rows.ts";

/** Runs a policy in the simulator, in the replay and on a live cache over the same attention; gives the rows each kept. */
function keptByRunner(attention: Float32Array, chooser: () => Policy): number[][] {
  const count = attention.length;
  const rows: number[][] = [];
  const watched = (): Policy => {
    const inner = chooser();
    return {
      ...inner,
      choose: (layers, budget) => {
        const choice = inner.choose(layers, budget);
        rows.push([...choice[0][0].rows]);
        return choice;
      },
    };
  };
  const sequence: SyntheticSequence = {
    length: count,
    sinkTokens: 16,
    roles: new Uint8Array(count),
    attention: Float64Array.from(attention),
    novelty: Float64Array.from(attention, (_, position) => Math.fround(tokenNovelty(position, count))),
  };
  simulate(sequence, watched(), { compressionRatio: 0.5 });
  const trace: TraceSummary = {
    model_name: "made up",
    prompt_token_count: count,
    generated_token_count: 1,
    bytes_per_token: 2,
    token_traces: Array.from(attention, (received, index) => ({
      index,
      token_text: "",
      attention_received: received,
      generated_attention_received: received,
      prompt_role: promptRole(index, count),
    })),
  };
  replay(trace, watched(), { compressionRatio: 0.5 });
  const cache = new KvCache({
    layerCount: 1,
    kvHeadCount: 1,
    groupSize: 1,
    headDim: 2,
    rotary: uniformRotary(1, defaultFrequencies(2, 10_000)),
    windows: new Array(1).fill(0),
  }, [1]);
  appendRows(cache, new Int32Array(count), new Float32Array(2 * count), new Float32Array(2 * count), { attention });
  cache.compress(watched(), { compressionRatio: 0.5 });
  rows.push([...cache.rowPositions(0, 0)]);
  return rows;
}

for (const name of ["keep_all", "recent_window", "heavy_hitter", "hybrid", "random", "streaming_llm"]) {
  Deno.test(`${name} keeps the same rows in the simulator, the replay and the engine`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 120 }), (attention) => {
        const [simulated, replayed, ...live] = keptByRunner(Float32Array.from(attention), () => policy(name));
        assertEquals(replayed, simulated);
        for (const rows of live) assertEquals(rows, simulated);
      }),
      { numRuns: 60, seed: 3 },
    );
  });
}
