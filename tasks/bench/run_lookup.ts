import { type Draft, type KvCache, type Model, promptLookup } from "kvmirror/engine";
import type { LookupRequest, Measurement } from "./measurement.ts";

/** What foretells an answer, by the end of the metric's name. */
const DRAFTS: readonly (readonly [string, Draft | undefined])[] = [["", promptLookup()], ["_off", undefined]];

/** Times the tokens of an answer after its first, with drafts looked up in the text and without. */
export async function runLookup(
  model: Model,
  { text, context, questions, tokens }: LookupRequest,
): Promise<Measurement[]> {
  using read = model.createCache();
  await model.read(read, model.tokenizer.encode(text).slice(0, context), { logitsOf: "none" });
  const measured: Measurement[] = [];
  for (const [question, asked] of Object.entries(questions)) {
    for (const [end, draft] of DRAFTS) {
      using cache = read.fork();
      const samples = [await millisecondsOfToken(model, asked, cache, tokens, draft)];
      measured.push({ metric: `lookup_${question}${end}`, unit: "ms/token", samples });
    }
  }
  return measured;
}

async function millisecondsOfToken(
  model: Model,
  question: string,
  cache: KvCache,
  maxNewTokens: number,
  draft: Draft | undefined,
): Promise<number> {
  const arrivals: number[] = [];
  const options = { cache, maxNewTokens, atEnd: "continue", template: "none", draft } as const;
  for await (const _ of model.generate(question, options)) arrivals.push(performance.now());
  return (arrivals.at(-1)! - arrivals[0]) / (arrivals.length - 1);
}
