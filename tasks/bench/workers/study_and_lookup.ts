import { type Draft, type KvCache, type Model, promptLookup } from "kvmirror/engine";
import { evaluate, factRows } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import type { LookupRequest, Measurement, StudyRequest } from "./protocol.ts";

/** Policies of the smaller studies, which show how the cost of a sample goes with their number. */
const FEWER_POLICIES = [1, 2, 5];

/** Runs a study as notebooks do: each text is read once, and every policy and ratio forks from it. */
export async function runStudy(model: Model, request: StudyRequest): Promise<Measurement[]> {
  const { prompts, policies, ratios, tokens } = request;
  const rows = factRows("study", prompts, { template: "none", maxNewTokens: tokens });
  const secondsPerSample = async (count: number) => {
    const settings = policies.slice(0, count).map((name) => policy(name)).flatMap((policy) =>
      ratios.map((compressionRatio) => ({ policy, compressionRatio }))
    );
    const start = performance.now();
    const { samples, failures: [failure] } = await evaluate(model, rows, settings);
    if (failure !== undefined) throw new Error(`Cannot time the study as ${failure.policy} failed: ${failure.reason}`);
    return (performance.now() - start) / 1000 / samples.length;
  };
  const study = (metric: string, seconds: number): Measurement => ({ metric, unit: "s/sample", samples: [seconds] });
  const measured = [study("study", await secondsPerSample(policies.length))];
  for (const count of FEWER_POLICIES) measured.push(study(`study_policies_${count}`, await secondsPerSample(count)));
  return measured;
}

/** What drafts an answer, by the end of the metric's name. */
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
  const options = { cache, maxNewTokens, ignoreEos: true, template: "none", draft } as const;
  for await (const _ of model.generate(question, options)) arrivals.push(performance.now());
  return (arrivals.at(-1)! - arrivals[0]) / (arrivals.length - 1);
}
