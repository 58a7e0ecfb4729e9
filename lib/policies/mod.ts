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
export { adakv, type AdakvOptions } from "./adakv.ts";
export { budgetForRatio, budgetForRows, headRows, keptRows } from "./budget.ts";
export { checkSignals, describeSignal, sameSignal } from "./check_signals.ts";
export { checkPolicy, type CheckPolicyOptions, type PolicyViolation } from "./check_policy.ts";
export { attentionProbe, type AttentionProbeOptions } from "./attention_probe.ts";
export { chunkkv, type ChunkkvOptions } from "./chunkkv.ts";
export { criticalkv, type CriticalkvOptions } from "./criticalkv.ts";
export { definePolicy, eachHead, everyRow } from "./define_policy.ts";
export { expectedAttention, type ExpectedAttentionOptions } from "./expected_attention.ts";
export { globalkv } from "./globalkv.ts";
export { heavyHitter } from "./heavy_hitter.ts";
export { hybrid } from "./hybrid.ts";
export { innerProduct } from "../numeric/vectors.ts";
export { keepAll } from "./keep_all.ts";
export { keydiff } from "./keydiff.ts";
export { knorm } from "./knorm.ts";
export { kvzip, type KvzipOptions, kvzipPlus } from "./kvzip.ts";
export { lagkv, type LagkvOptions } from "./lagkv.ts";
export { h2o, type H2oOptions } from "./h2o.ts";
export { observedAttention } from "./observed_attention.ts";
export type * from "./policy.ts";
export { type Vector } from "../numeric/vectors.ts";
export { protect } from "./protect.ts";
export { type BudgetShare, type PolicyRule } from "./policy_rules.ts";
export { oracle } from "./oracle.ts";
export { pyramid, type PyramidOptions } from "./pyramid.ts";
export { pyramidkv, type PyramidkvOptions } from "./pyramidkv.ts";
export { random, type RandomOptions } from "./random.ts";
export { recentWindow } from "./recent_window.ts";
export { scoreOnce } from "./score_once.ts";
export { snapkv, type SnapkvOptions } from "./snapkv.ts";
export { streamingLlm, type StreamingLlmOptions } from "./streaming_llm.ts";
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
export { type TokenPolicyOptions } from "./token_policy.ts";
export { tova } from "./tova.ts";
