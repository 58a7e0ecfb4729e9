/** The benchmark's worker for this project's engine: `kvmirror_worker.ts MODEL WEIGHTS`, then requests on stdin. */
import { loadModel, type WeightFormat } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import settings from "../../../deno.json" with { type: "json" };
import { runTask } from "../../cli/run_task.ts";
import type { Measurement } from "./protocol.ts";
import { serve, tokenTimes } from "./serve.ts";
import { runLookup, runStudy } from "./study_and_lookup.ts";

/** Percent of the rows that leave, one after the other. */
const EVICTED = [50, 75, 87.5];

await runTask(async () => {
  const [path, weights] = Deno.args;
  await using model = await loadModel(path, { weights: weights as WeightFormat });
  const evict = policy("streaming_llm");
  await serve({
    version: `${settings.version}, ${weights} weights, float32 rows`,
    vocabSize: model.config.vocabSize,
    tokens: async (ids, request) => {
      using cache = model.createCache();
      const time = async (next: readonly number[]) => {
        const start = performance.now();
        const arrivals: number[] = [];
        // The text that was read gives the first token, so one more is asked for.
        const options = { cache, maxNewTokens: request.tokens + 1, ignoreEos: true } as const;
        for await (const _ of model.generateFrom(next, options)) arrivals.push(performance.now());
        return tokenTimes(start, arrivals, next.length);
      };
      const measured: Measurement[] = await time(ids);
      measured.push({ metric: "cache_bytes", unit: "bytes", samples: [cache.allocatedBytes] });
      for (const percent of request.evict ? EVICTED : []) {
        const rows = Math.floor(request.context * (1 - percent / 100));
        cache.compress(evict, { rows });
        const decode = (await time(ids.slice(-1))).filter(({ metric }) => metric === "decode");
        measured.push(...decode.map((of) => ({ ...of, metric: `decode_evicted_${percent}` })));
      }
      return measured;
    },
    study: (request) => runStudy(model, request),
    lookup: (request) => runLookup(model, request),
  });
});
