import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode attentionProbe}, with their defaults. */
export const ATTENTION_PROBE_OPTIONS = {
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
} as const;

/**
 * KVzip's scores, predicted in one pass: a linear probe of the model predicts from a token's keys and values what `kvzip`
 * finds when it reads the text again. The idea is KVzap's (2026, https://arxiv.org/abs/2601.07891), whose linear maps and
 * MLPs read hidden states. `globalkv(attention_probe)` has KVzip's budget as well. A probe is fitted once per
 * model (`deno task fit_probe`); some come with the project. Call `await cache.observe(policy)` before `compress`.
 */
export function attentionProbe(options: OptionsOf<typeof ATTENTION_PROBE_OPTIONS> = {}): Policy {
  const { sinkTokens } = withDefaults("attention_probe", ATTENTION_PROBE_OPTIONS, options);
  checkCounts("attention_probe", { sinkTokens });
  return definePolicy({
    name: "attention_probe",
    paper: "after KVzap 2026, https://arxiv.org/abs/2601.07891",
    signals: ["predictedAttention"],
    score: eachHead(({ signal }) => signal("predictedAttention")),
    protect: { sinks: sinkTokens },
  });
}
