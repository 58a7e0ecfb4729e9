/**
 * Reads and generates many tokens under a bound, and forks, rewinds, quantizes and compresses many caches, on the embedded
 * model; prints how resident memory goes with them: a line's slope and its standard error.
 *
 * ```sh
 * deno task soak                # 100,000 tokens, 1,000 cycles
 * deno task soak --seconds 60   # as many as that takes
 * ```
 */
import { linearTrend } from "kvmirror";
import { type Bound, type KvCache, loadModel, type Model, parseCacheDtype } from "kvmirror/engine";
import { mobyDick, residentBytes } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { printJson, printText } from "../../tasks/cli/print.ts";
import { createProgress } from "../../tasks/cli/progress.ts";
import { runTask } from "../../tasks/cli/run_task.ts";

/** Resident memory after so many tokens or cycles. */
interface Point {
  readonly done: number;
  readonly resident: number;
}

/** What one part of the soak found, by the names that JSON gives it. */
export interface SoakPart {
  readonly part: string;
  /** Tokens, or cycles. */
  readonly done: number;
  readonly seconds: number;
  /** Resident bytes at the first point after the warm-up, and at the last. */
  readonly first_resident_bytes: number;
  readonly last_resident_bytes: number;
  /** Rise of resident memory in bytes a token, or a cycle, and its standard error. */
  readonly slope: number;
  readonly standard_error: number;
}

/** Tokens between two looks at memory, and cycles. */
const TOKENS_A_POINT = 500;
const CYCLES_A_POINT = 10;
/** Points at the beginning that are left out: buffers, compiled code and onnxruntime's arenas grow to their sizes. */
const WARM_UP = 0.2;

await runTask("soak", async (flags) => {
  const seconds = flags.number("seconds") ?? Infinity;
  await using model = await loadModel("tiny");
  const parts = [
    await soak("bounded tokens", flags.number("tokens")!, TOKENS_A_POINT, seconds / 2, readBounded(model)),
    await soak("cycles", flags.number("cycles")!, CYCLES_A_POINT, seconds / 2, await turnCaches(model)),
  ];
  if (flags.toggle("json")) return printJson(parts);
  for (const { part, done, seconds, slope, standard_error, first_resident_bytes, last_resident_bytes } of parts) {
    const megabytes = [first_resident_bytes, last_resident_bytes].map((bytes) => (bytes / 2 ** 20).toFixed(1));
    printText(
      `${part}: ${done} in ${seconds.toFixed(0)} s; resident ${megabytes.join(" to ")} MiB, ` +
        `${slope.toFixed(1)} ± ${standard_error.toFixed(1)} bytes each`,
    );
  }
});

/** Repeats a step until there are as many as wanted, or the time is over, and looks at memory in between. */
async function soak(
  part: string,
  wanted: number,
  aPoint: number,
  seconds: number,
  step: (count: number) => Promise<void>,
): Promise<SoakPart> {
  const started = performance.now();
  const progress = createProgress(part);
  const points: Point[] = [];
  let done = 0;
  while (done < wanted && (performance.now() - started < 1000 * seconds || points.length < 8)) {
    await step(aPoint);
    done += aPoint;
    residentBytes();
    // Native buffers go in a turn of the event loop after their owners were collected.
    await new Promise((resume) => setTimeout(resume, 0));
    points.push({ done, resident: residentBytes() });
    progress.update(done, wanted);
  }
  progress.close();
  const warm = points.slice(Math.min(Math.floor(WARM_UP * points.length), points.length - 3));
  const { slope, standardError } = linearTrend(warm.map((at) => at.done), warm.map(({ resident }) => resident));
  return {
    part,
    done,
    seconds: (performance.now() - started) / 1000,
    first_resident_bytes: warm[0].resident,
    last_resident_bytes: warm.at(-1)!.resident,
    slope,
    standard_error: standardError,
  };
}

/** Reads a book without end through one cache: half of it in runs of 16 tokens, half token by token. */
function readBounded(model: Model): (tokens: number) => Promise<void> {
  const ids = model.tokenizer.encode(mobyDick().slice(0, 12).join("\n"));
  const bound: Bound = { policy: policy("tova"), rows: 96, compressionInterval: 16, positions: "compact" };
  const cache = model.createCache([1]);
  let next = 0;
  const take = (count: number) => Array.from({ length: count }, () => ids[next++ % ids.length]);
  return async (tokens) => {
    await model.read(cache, take(tokens / 2), { bound, chunkLength: 16, logitsOf: "none" });
    const { ids: [first] } = await model.generateFrom(take(1), { cache, bound, maxNewTokens: 1, ignoreEos: true });
    await model.generateFrom([first], { cache, bound, maxNewTokens: tokens / 2 - 2, ignoreEos: true });
  };
}

/** Takes a context's fork through everything that changes a cache, in another dtype and by another policy each time. */
async function turnCaches(model: Model): Promise<(cycles: number) => Promise<void>> {
  const ids = model.tokenizer.encode(mobyDick()[3]);
  const context = model.createCache(["all", 1, 64]);
  await model.read(context, ids.slice(0, 300));
  const dtypes = ["int8", "int4:channel/int4", "f16"].map((name) => parseCacheDtype(name, 16));
  const policies = ["snapkv", "adakv(keydiff)", "h2o", "streaming_llm"].map((name) => policy(name));
  // What was read after the mark and taken back has left no attention: these need none.
  const plain = ["adakv(keydiff)", "knorm"].map((name) => policy(name));
  let cycle = 0;
  return async (cycles) => {
    for (const end = cycle + cycles; cycle < end; cycle++) {
      using cache: KvCache = context.fork();
      cache.mark();
      await model.read(cache, ids.slice(300, 308));
      cache.rewind(300);
      cache.quantize(dtypes[cycle % dtypes.length]);
      cache.compress(policies[cycle % policies.length], { compressionRatio: 0.5 });
      await model.read(cache, ids.slice(300, 306));
      cache.rewind(303);
      using fork = cache.fork();
      fork.compress(plain[cycle % plain.length], { maxBytes: Math.floor(cache.liveBytes / 2) });
      await model.read(fork, ids.slice(303, 305), { attention: "skip" });
    }
  };
}
