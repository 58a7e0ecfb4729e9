import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode streamingLlm}, with their defaults. */
export const STREAMING_LLM_OPTIONS = {
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
} as const;

/** Attention sinks and the newest rows: StreamingLLM (Xiao et al. 2023, https://arxiv.org/abs/2309.17453). */
export function streamingLlm(options: OptionsOf<typeof STREAMING_LLM_OPTIONS> = {}): Policy {
  const { sinkTokens } = withDefaults("streaming_llm", STREAMING_LLM_OPTIONS, options);
  checkCounts("streaming_llm", { sinkTokens });
  return definePolicy({
    name: "streaming_llm",
    paper: "Xiao et al. 2023, https://arxiv.org/abs/2309.17453",
    signals: [],
    score: eachHead(({ positions }) => Float64Array.from(positions)),
    protect: { sinks: sinkTokens },
  });
}
