/** The benchmark's worker for node-llama-cpp: `worker.ts PACKAGE_FOLDER GGUF`, then requests on stdin. */
import { runTask } from "../../../cli/run_task.ts";
import { serve, tokenTimes } from "../serve.ts";

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
    version:
      `${version}, llama.cpp ${llama.llamaCppRelease.release}, ${model.typeDescription}, float16 rows, flash attention`,
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

/** What the benchmark uses of node-llama-cpp 3.22. */
export interface LlamaLibrary {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>;
}

/** Its binding to llama.cpp. */
export interface Llama {
  readonly llamaCppRelease: { readonly release: string };
  loadModel(options: Readonly<Record<string, unknown>>): Promise<LlamaModel>;
}

/** A GGUF file, open. */
export interface LlamaModel {
  /** Architecture, size and type of the weights: `llama 130M Q4_1`. */
  readonly typeDescription: string;
  readonly fileInfo: {
    readonly metadata: { readonly tokenizer: { readonly ggml: { readonly tokens: readonly string[] } } };
  };
  createContext(options: Readonly<Record<string, unknown>>): Promise<LlamaContext>;
}

/** Room for rows. */
export interface LlamaContext {
  /** Bytes of what is cached, and little beside it. */
  readonly stateSize: number;
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

/** One text. */
export interface LlamaSequence {
  /** Reads tokens, then gives the next ones as they come. */
  evaluate(ids: readonly number[], options: Readonly<Record<string, unknown>>): AsyncGenerator<number, void, undefined>;
}
