/** The benchmark's worker for this project's engine: `kvmirror_worker.ts MODEL WEIGHTS`, then requests on stdin. */
import { type Bound, loadModel, type WeightFormat } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import settings from "../../../deno.json" with { type: "json" };
import { runBody } from "../../cli/run_body.ts";
import type { Measurement } from "./protocol.ts";
import { serve, tokenTimes } from "./serve.ts";
import { runLookup, runStudy } from "./study_and_lookup.ts";

/** Tokens whose logits are held at once: 256 of 50,000 are 50 MB. */
const LOGITS_CHUNK = 256;

/** Tokens between two evictions while a text is read under a bound: a chunk. */
const COMPRESSION_INTERVAL = 256;

await runBody(async () => {
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
      for (const percent of request.evict) {
        const rows = Math.floor(request.context * (1 - percent / 100));
        cache.compress(evict, { rows });
        const decode = (await time(ids.slice(-1))).filter(({ metric }) => metric === "decode");
        measured.push(...decode.map((of) => ({ ...of, metric: `decode_evicted_${percent}` })));
      }
      return measured;
    },
    logits: async function* (ids): AsyncGenerator<Float32Array> {
      using cache = model.createCache();
      for (let start = 0; start < ids.length; start += LOGITS_CHUNK) {
        const chunk = ids.slice(start, start + LOGITS_CHUNK);
        yield await model.read(cache, chunk, { logitsOf: "all", attention: "skip" });
      }
    },
    read: async (ids, { rows }) => {
      const seconds = async (bound?: Bound) => {
        using cache = model.createCache();
        const start = performance.now();
        await model.read(cache, ids, { bound });
        return [(performance.now() - start) / 1000];
      };
      const bound = { policy: evict, rows, compressionInterval: COMPRESSION_INTERVAL };
      return [
        { metric: "read_full", unit: "s", samples: await seconds() },
        { metric: "read_bounded", unit: "s", samples: await seconds(bound) },
      ];
    },
    study: (request) => runStudy(model, request),
    lookup: (request) => runLookup(model, request),
  });
});
