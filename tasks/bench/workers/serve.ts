import { resourceUsage } from "node:process";
import { readLines } from "../../../lib/files/lines.ts";
import { writeAll } from "../../../lib/files/write_atomic.ts";
import { MersenneTwister } from "../../../lib/numeric/mersenne_twister.ts";
import { printText } from "../../cli/print.ts";
import type {
  BenchRequest,
  LogitsRequest,
  LookupRequest,
  Measurement,
  ReadRequest,
  StudyRequest,
  SystemFacts,
  TokensRequest,
} from "./protocol.ts";

/** A system under measurement, in a process of its own; its model is open. */
export interface BenchSystem {
  /** What it runs: its version, its weights. */
  readonly version: string;
  /** Ids are below it. */
  readonly vocabSize: number;
  /** Reads the ids and times what follows. */
  tokens(ids: readonly number[], request: TokensRequest): Promise<readonly Measurement[]>;
  /** The logits after each of the ids, `[any number, vocab]` at a time. */
  logits(ids: readonly number[]): AsyncIterable<Float32Array>;
  /** Reads the ids and no more; where a system has no such door, the time to its first token is taken. */
  read?(ids: readonly number[], request: ReadRequest): Promise<readonly Measurement[]>;
  /** Runs a study of policies, where the system has any. */
  study?(request: StudyRequest): Promise<readonly Measurement[]>;
  /** Answers with drafts and without, where the system has any. */
  lookup?(request: LookupRequest): Promise<readonly Measurement[]>;
}

/** Tokens read and timed before anything counts, so that code is compiled and pages are mapped. */
const WARM_UP: TokensRequest = { measure: "tokens", context: 64, tokens: 4, evict: [50] };

/**
 * Says that the system is ready, then answers one request a line until there are no more: JSON in, JSON out.
 * Workers in Python do the same (`python/protocol.py`).
 */
export async function serve(system: BenchSystem): Promise<void> {
  const loaded = { loadedAt: Date.now(), loadedBytes: processMemory().now };
  const tokens = (request: TokensRequest) => system.tokens(randomIds(request.context, system.vocabSize), request);
  await tokens(WARM_UP);
  printText(JSON.stringify({ version: system.version, ...loaded } satisfies SystemFacts));
  for await (const line of readLines(Deno.stdin.readable)) {
    printText(JSON.stringify(await answer(JSON.parse(line))));
  }

  async function answer(request: BenchRequest): Promise<readonly Measurement[]> {
    switch (request.measure) {
      case "tokens":
        return await tokens(request);
      case "memory":
        return [{ metric: "resident_peak", unit: "bytes", samples: [processMemory().peak] }];
      case "logits":
        return await writeLogits(system.logits(request.ids), request);
      case "read": {
        const ids = randomIds(request.context, system.vocabSize);
        if (system.read !== undefined) return await system.read(ids, request);
        return readTime(await system.tokens(ids, { measure: "tokens", context: ids.length, tokens: 0, evict: [] }));
      }
      case "study":
        return await system.study?.(request) ?? [];
      case "lookup":
        return await system.lookup?.(request) ?? [];
    }
  }
}

/** The same ids in every system: what they say takes no time. */
export function randomIds(count: number, vocabSize: number): number[] {
  const stream = new MersenneTwister(count);
  return Array.from({ length: count }, () => Math.floor(stream.random() * vocabSize));
}

/** Seconds that a text took, by the time to the first token. */
function readTime(measurements: readonly Measurement[]): Measurement[] {
  const first = measurements.find(({ metric }) => metric === "first_token")!;
  return [{ metric: "read_full", unit: "s", samples: first.samples.map((ms) => ms / 1000) }];
}

async function writeLogits(logits: AsyncIterable<Float32Array>, { path }: LogitsRequest): Promise<Measurement[]> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for await (const { buffer, byteOffset, byteLength } of logits) {
    writeAll(file, new Uint8Array(buffer, byteOffset, byteLength));
  }
  return [];
}

/** The time of each token, as `generate` gives them: the first after the text was read, the others one step each. */
export function tokenTimes(start: number, arrivals: readonly number[], context: number): Measurement[] {
  const steps = arrivals.slice(1).map((time, index) => time - arrivals[index]);
  const first = arrivals[0] - start;
  const read: Measurement[] = [
    { metric: "prefill", unit: "tokens/s", samples: [(1000 * context) / first] },
    { metric: "first_token", unit: "ms", samples: [first] },
  ];
  return steps.length === 0 ? read : [...read, { metric: "decode", unit: "ms/token", samples: steps }];
}

/** Memory of this process that is resident, in bytes, as the system counts it: pages of mapped weights among it. */
export interface ProcessMemory {
  readonly now: number;
  /** The most since the process began; on Linux no less than what the process that started it had then. */
  readonly peak: number;
}

/** Reads it. */
export function processMemory(): ProcessMemory {
  const now = Deno.memoryUsage().rss;
  return { now, peak: Math.max(now, 1024 * resourceUsage().maxRSS) };
}
