import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { MersenneTwister } from "../../numeric/mersenne_twister.ts";
import type { Policy } from "../../policies/policy.ts";
import { findTokens } from "../../trace/find_tokens.ts";
import { type FactPrompt, factRow } from "../dataset/fact_prompt.ts";
import { evaluate } from "../run/evaluate.ts";
import type { EvaluatedModel } from "../run/evaluate_context.ts";
import type { EvaluatedSample } from "../run/sample.ts";

/** The names of {@linkcode factEviction}'s policies; the first is the full cache. */
export const FACT_EVICTION_POLICIES = ["keep_all", "without_the_fact", "without_others"] as const;

/** Options of {@linkcode factEviction}. */
export interface FactEvictionOptions {
  /** Of the other rows' draw; 42 by default. */
  readonly seed?: number;
  /** Ends the study between two answers. */
  readonly signal?: AbortSignal;
}

const FACT_EVICTION_OPTIONS: OptionNames<FactEvictionOptions> = { seed: true, signal: true };

/** Rows before this stay where others are evicted: a model leans on its first tokens whatever they are. */
const SINKS = 4;

/**
 * Does an answer come from the fact's own rows? Asks each prompt for its first fact three times: with all rows, without
 * those of the fact's sentence, and without as many others, drawn from the rest of the text.
 *
 * @throws {RangeError} if a text has not as many other tokens
 */
export async function factEviction(
  model: EvaluatedModel,
  prompts: readonly FactPrompt[],
  options: FactEvictionOptions = {},
): Promise<EvaluatedSample[]> {
  checkOptions("factEviction", options, FACT_EVICTION_OPTIONS);
  const { seed = 42, signal } = options;
  const stream = new MersenneTwister(seed);
  const answered: EvaluatedSample[] = [];
  for (const [context, prompt] of prompts.entries()) {
    const [fact] = prompt.facts;
    const tokens = model.tokenizer.encode(prompt.text).map((id) => model.tokenizer.tokenText(id));
    const own = findTokens(tokens, fact.sentence);
    const rest = [...tokens.keys()].filter((token) => token >= SINKS && !own.includes(token));
    if (rest.length < own.length) {
      throw new RangeError(`Cannot evict ${own.length} other tokens as the text has ${rest.length}: make it longer`);
    }
    const others = own.map(() => rest.splice(Math.floor(stream.random() * rest.length), 1)[0]);
    const [, ...names] = FACT_EVICTION_POLICIES;
    const settings = [own, others].map((positions, index) => ({
      policy: without(names[index], new Set(positions)),
      compressionRatio: 0,
    }));
    const { samples, failures: [failure] } = await evaluate(
      model,
      [factRow("fact", prompt, 0, { template: "none" })],
      settings,
      {
        signal,
      },
    );
    if (failure !== undefined) throw new Error(`Cannot ask without a fact's rows: ${failure.reason}`);
    for (const sample of samples) answered.push({ ...sample, index: context, context });
  }
  return answered;
}

/** Keeps all rows but those at these positions. */
function without(name: string, positions: ReadonlySet<number>): Policy {
  return {
    name,
    signals: [],
    choose: (layers) =>
      layers.map(({ heads }) =>
        heads.map((head) => ({
          rows: Uint32Array.from(head.positions.keys()).filter((row) => !positions.has(head.positions[row])),
        }))
      ),
  };
}
