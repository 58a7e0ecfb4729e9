/** The benchmark's worker for transformers.js: `transformers_js_worker.ts MODEL`, then requests on stdin. */
import { env } from "@huggingface/transformers";
import { readCheckpoint } from "kvmirror/engine";
import { runBody } from "../../cli/run_body.ts";
import { serve, tokenTimes } from "./serve.ts";
import { openLibraryModel } from "./transformers_js/library_model.ts";
import { libraryFolder } from "./transformers_js/model_folder.ts";

await runBody(async () => {
  using checkpoint = await readCheckpoint(Deno.args[0]);
  await using model = await openLibraryModel(await libraryFolder(checkpoint, "int4"), "int4");
  await serve({
    version: `${env.version}, the same int4 weights, GroupQueryAttention, float32 rows`,
    vocabSize: checkpoint.config.vocabSize,
    tokens: async (ids, { tokens }) => {
      const times: number[] = [];
      const { cacheBytes } = await model.generate(ids, tokens + 1, () => times.push(performance.now()));
      const [start, ...arrivals] = times; // the prompt itself comes first
      return [
        ...tokenTimes(start, arrivals, ids.length),
        { metric: "cache_bytes", unit: "bytes", samples: [cacheBytes] },
      ];
    },
    logits: async function* (ids): AsyncGenerator<Float32Array> {
      yield await model.logits(ids, ids.length);
    },
  });
});
