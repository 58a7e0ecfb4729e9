import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode kvzap}, with their defaults. */
export const KVZAP_OPTIONS = {
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
} as const;

/**
 * KVzip+'s scores, predicted while the text is read: a linear map of each layer's input gives each kv head's score.
 * KVzap (2026, https://arxiv.org/abs/2601.07891) in its linear form; the paper takes it with a threshold and a window,
 * which is `threshold(kvzap)` here. Maps are fitted once per model (`deno task fit_probe --policy kvzap`); some come with
 * the project. A cache has the scores if it was read for this policy: `prefill` takes `prefillRecordings`.
 */
export function kvzap(options: OptionsOf<typeof KVZAP_OPTIONS> = {}): Policy {
  const { sinkTokens } = withDefaults("kvzap", KVZAP_OPTIONS, options);
  checkCounts("kvzap", { sinkTokens });
  return definePolicy({
    name: "kvzap",
    paper: "KVzap 2026, https://arxiv.org/abs/2601.07891",
    signals: ["predictedReconstruction"],
    score: eachHead(({ signal }) => signal("predictedReconstruction")),
    protect: { sinks: sinkTokens },
  });
}
