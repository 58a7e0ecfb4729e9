/** The benchmark's worker for node-llama-cpp: `worker.ts PACKAGE_FOLDER GGUF`, then requests on stdin. */
import { runTask } from "../../run_task.ts";
import { tokenTimes } from "../measurement.ts";
import { serve } from "../worker.ts";
import type { LlamaLibrary } from "./library.ts";

await runTask(async () => {
  const [folder, path] = Deno.args;
  const entry = `${folder}/node_modules/node-llama-cpp`;
  const { version } = JSON.parse(await Deno.readTextFile(`${entry}/package.json`));
  const { getLlama }: LlamaLibrary = await import(`file://${entry}/dist/index.js`);
  const threads = navigator.hardwareConcurrency;
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logLevel: "error",
    maxThreads: threads,
  });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  await serve({
    version: `${version}, llama.cpp ${llama.llamaCppRelease.release}, Q4_1 weights, float16 rows, flash attention`,
    vocabSize: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
    tokens: async (ids, { tokens }) => {
      // Flash attention and two threads are its best settings here; a context of just the length that is needed.
      const settings = { contextSize: ids.length + tokens + 8, batchSize: 512, threads, flashAttention: true };
      const context = await model.createContext(settings);
      const empty = context.stateSize;
      const arrivals: number[] = [];
      const start = performance.now();
      for await (const _ of context.getSequence().evaluate(ids, { temperature: 0, yieldEogToken: true })) {
        if (arrivals.push(performance.now()) > tokens) break;
      }
      const cacheBytes = context.stateSize - empty;
      await context.dispose();
      return [
        ...tokenTimes(start, arrivals, ids.length),
        { metric: "cache_bytes", unit: "bytes", samples: [cacheBytes] },
      ];
    },
  });
  Deno.exit(0); // its threads keep the process alive
});
