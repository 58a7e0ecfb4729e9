import { MersenneTwister } from "../../lib/numeric/mersenne_twister.ts";
import { printText } from "../cli.ts";
import type { Measurement, MeasureRequest, SystemFacts } from "./measurement.ts";
import { readLines } from "./read_lines.ts";

/** A system under measurement, in a process of its own. */
export interface BenchSystem {
  readonly facts: SystemFacts;
  /** Ids are below it. */
  readonly vocabSize: number;
  /** Reads the ids and times what follows. */
  measure(ids: readonly number[], request: MeasureRequest): Promise<readonly Measurement[]>;
}

/** Tokens read and timed before anything counts, so that code is compiled and pages are mapped. */
const WARM_UP: MeasureRequest = { context: 64, tokens: 4 };

/** Says that the system is ready, then answers one request a line until there are no more: JSON in, JSON out. */
export async function serve(system: BenchSystem): Promise<void> {
  const measure = (request: MeasureRequest) => system.measure(randomIds(request.context, system.vocabSize), request);
  await measure(WARM_UP);
  printText(JSON.stringify(system.facts));
  for await (const line of readLines(Deno.stdin.readable)) {
    printText(JSON.stringify(await measure(JSON.parse(line))));
  }
}

/** The same ids in every system: what they say takes no time. */
function randomIds(count: number, vocabSize: number): number[] {
  const stream = new MersenneTwister(count);
  return Array.from({ length: count }, () => Math.floor(stream.random() * vocabSize));
}
