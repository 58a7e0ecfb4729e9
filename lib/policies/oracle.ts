import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/**
 * The policy that knows the future: it ranks each head's rows by the attention that they will receive from the question
 * and the full cache's own answer. It is a ceiling among evictions, for evaluation and replay only: in a live cache nobody
 * knows what comes.
 */
export function oracle(): Policy {
  return definePolicy({
    name: "oracle",
    signals: ["laterAttention"],
    score: eachHead(({ signal }) => signal("laterAttention")),
  });
}
