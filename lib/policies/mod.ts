/**
 * Policies: which rows of a KV cache stay.
 *
 * A policy reads signals and answers with row choices, never with tensors; the simulator, the replay and the engine call
 * the same object.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { policy, policyNames } from "kvmirror/policies";
 *
 * const blind = policyNames().map((name) => policy(name)).filter(({ signals }) => signals.length === 0);
 * assertEquals(blind.map(({ name }) => name), ["keep_all", "random", "streaming_llm"]);
 * ```
 *
 * @module
 */
export { type Rotary, type RotaryFrequencies } from "../numeric/rotary.ts";
export { adakv, ADAKV_OPTIONS } from "./adakv.ts";
export { block, BLOCK_OPTIONS } from "./block.ts";
export { budgetForRatio } from "./budget.ts";
export { checkPolicy, type CheckPolicyOptions, type PolicyViolation } from "./check_policy.ts";
export { describeSignal } from "./check_signals.ts";
export { chunk, CHUNK_OPTIONS } from "./chunk.ts";
export { chunkkv, CHUNKKV_OPTIONS } from "./chunkkv.ts";
export { criticalkv, CRITICALKV_OPTIONS } from "./criticalkv.ts";
export { definePolicy, eachHead, everyRow } from "./define_policy.ts";
export { globalkv } from "./globalkv.ts";
export { keepAll } from "./keep_all.ts";
export {
  type Budget,
  type Choice,
  type Head,
  type HeadChoice,
  type Layer,
  type ModelFacts,
  type Policy,
  type PolicyDefinition,
  type Protection,
  type Scores,
  type Signal,
} from "./policy.ts";
export { type BudgetShare, type PolicyRule } from "./policy_rules.ts";
export { type OptionsOf } from "./options.ts";
export { protect, PROTECT_OPTIONS } from "./protect.ts";
export { pyramid, PYRAMID_OPTIONS } from "./pyramid.ts";
export { STREAMING_LLM_OPTIONS, streamingLlm } from "./streaming_llm.ts";
export { threshold, THRESHOLD_OPTIONS } from "./threshold.ts";
export {
  POLICIES,
  policy,
  type PolicyEntry,
  policyEntry,
  policyNames,
  type PolicyOptions,
  type WrapperEntry,
  WRAPPERS,
} from "./table.ts";
export { innerProduct, type Vector } from "../numeric/vectors.ts";
