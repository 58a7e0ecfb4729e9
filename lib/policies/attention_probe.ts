import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/** Options of {@linkcode attentionProbe}. */
export interface AttentionProbeOptions {
  /** The first tokens of the text, which stay; 4 by default. */
  readonly sinkTokens?: number;
}

/**
 * KVzip's scores, guessed in one pass: a linear probe of the model's predicts from a token's keys and values what `kvzip`
 * would find by reading the text again. `globalkv(attention_probe)` has KVzip's budget as well. A probe is fitted once per
 * model (`deno task fit_probe`); some come with the project. `await cache.observe(policy)` before `compress`.
 */
export function attentionProbe({ sinkTokens = 4 }: AttentionProbeOptions = {}): Policy {
  return definePolicy({
    name: "attention_probe",
    paper: "this project",
    signals: ["predictedAttention"],
    score: eachHead(({ signal }) => signal("predictedAttention")),
    protect: { sinks: sinkTokens },
  });
}
