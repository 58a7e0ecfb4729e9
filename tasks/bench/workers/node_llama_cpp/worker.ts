/** The benchmark's worker for node-llama-cpp: `worker.ts PACKAGE_FOLDER GGUF`, then requests on stdin. */
import { runBody } from "../../../cli/run_body.ts";
import { serve, tokenTimes } from "../serve.ts";

/** Tokens whose logits are held at once: they come as a Map each, with an entry a token of the vocabulary. */
const LOGITS_CHUNK = 16;

await runBody(async () => {
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
  const vocabSize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  // Flash attention and two threads are its best settings here; a context of just the length that is needed.
  const createContext = (contextSize: number) =>
    model.createContext({ contextSize, batchSize: 512, threads, flashAttention: true });
  await serve({
    version:
      `${version}, llama.cpp ${llama.llamaCppRelease.release}, ${model.typeDescription}, float16 rows, flash attention`,
    vocabSize,
    tokens: async (ids, { tokens }) => {
      const context = await createContext(ids.length + tokens + 8);
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
    logits: async function* (ids): AsyncGenerator<Float32Array> {
      const context = await createContext(ids.length + 8);
      const sequence = context.getSequence();
      // Greedy: no sampler changes the logits that it gives.
      const generateNext = { logits: true, options: { temperature: 0 } };
      for (let start = 0; start < ids.length; start += LOGITS_CHUNK) {
        const chunk = ids.slice(start, start + LOGITS_CHUNK);
        for (const output of await sequence.controlledEvaluate(chunk.map((id) => [id, { generateNext }]))) {
          const logits = new Float32Array(vocabSize).fill(NaN);
          for (const [id, logit] of output.next.logits) logits[id] = logit;
          yield logits;
        }
      }
      await context.dispose();
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
  /** Reads tokens and gives what each one's options ask for. */
  controlledEvaluate(
    tokens: readonly (readonly [id: number, options: Readonly<Record<string, unknown>>])[],
  ): Promise<readonly { readonly next: { readonly logits: ReadonlyMap<number, number> } }[]>;
}
