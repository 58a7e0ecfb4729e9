/** The benchmark's worker for this project's engine: `kvmirror_worker.ts MODEL`, then requests on stdin. */
import { loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import settings from "../../deno.json" with { type: "json" };
import { runTask } from "../cli.ts";
import { type Measurement, tokenTimes } from "./measurement.ts";
import { serve } from "./worker.ts";

/** Percent of the rows that leave, one after the other. */
const EVICTED = [50, 75, 87.5];

await runTask(async () => {
  await using model = await loadModel(Deno.args[0], { weights: "int4" });
  const evict = policy("streaming_llm");
  await serve({
    facts: { version: `${settings.version}, int4 weights, float32 rows` },
    vocabSize: model.config.vocabSize,
    measure: async (ids, { context, tokens }) => {
      using cache = model.createCache();
      const time = async (next: readonly number[]) => {
        const start = performance.now();
        const arrivals: number[] = [];
        // The text that was read gives the first token, so one more is asked for.
        for await (const _ of model.generateFrom(next, { cache, maxNewTokens: tokens + 1, atEnd: "continue" })) {
          arrivals.push(performance.now());
        }
        return tokenTimes(start, arrivals, next.length);
      };
      const measured: Measurement[] = await time(ids);
      for (const percent of EVICTED) {
        const rows = Math.floor(context * (1 - percent / 100));
        cache.compress(evict, { rows });
        const decode = (await time(ids.slice(-1))).filter(({ metric }) => metric === "decode");
        measured.push(...decode.map((of) => ({ ...of, metric: `decode_evicted_${percent}` })));
      }
      return measured;
    },
  });
});
