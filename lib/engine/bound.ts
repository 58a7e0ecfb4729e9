import type { Policy } from "../policies/policy.ts";
import type { PositionMode } from "./rotary_places.ts";

/** How many rows a head keeps on average, or how many bytes of keys and values all heads keep. */
export type BoundSize = { readonly rows: number } | { readonly maxBytes: number };

/**
 * How far a sequence's cache may grow while it is read and generated: to its size and the rows of `every` further
 * tokens. When it holds these, the policy brings it back to its size. With an interval of 1 that is H2O and TOVA as
 * their papers have them, and StreamingLLM with any.
 *
 * @example A text of any length in the memory of some 600 tokens
 * ```ts ignore
 * import { type Bound, loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * const bound: Bound = { policy: policy("streaming_llm"), rows: 512, every: 64, positions: "compact" };
 * await using model = await loadModel("auto");
 * const cache = await model.prefill(await Deno.readTextFile("book.txt"), { bound });
 * const { text } = await model.generate("Who tells the story?", { cache, bound });
 * ```
 */
export type Bound = BoundSize & {
  /** Chooses what stays. */
  readonly policy: Policy;
  /** Tokens between two evictions. */
  readonly every: number;
  /** Where rows stand after an eviction; as they do by default. `compact` is needed past the trained length. */
  readonly positions?: PositionMode;
};
