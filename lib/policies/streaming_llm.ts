import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/** Options of {@linkcode streamingLlm}. */
export interface StreamingLlmOptions {
  /** The first tokens of the text, which stay; 4 by default. */
  readonly sinkTokens?: number;
}

/** Attention sinks and the newest rows: StreamingLLM (Xiao et al. 2023, https://arxiv.org/abs/2309.17453). */
export function streamingLlm({ sinkTokens = 4 }: StreamingLlmOptions = {}): Policy {
  return definePolicy({
    name: "streaming_llm",
    paper: "Xiao et al. 2023, https://arxiv.org/abs/2309.17453",
    signals: [],
    score: eachHead(({ positions }) => Float64Array.from(positions)),
    protect: { sinks: sinkTokens },
  });
}
