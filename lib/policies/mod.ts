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
export { adakv, ADAKV_OPTIONS } from "./adakv.ts";
export { budgetForRatio, budgetForRows, headRows, keptRows } from "./budget.ts";
export { checkSignals, describeSignal, sameSignal } from "./check_signals.ts";
export { checkPolicy, type CheckPolicyOptions, type PolicyViolation } from "./check_policy.ts";
export { ATTENTION_PROBE_OPTIONS, attentionProbe } from "./attention_probe.ts";
export { chunkkv, CHUNKKV_OPTIONS } from "./chunkkv.ts";
export { criticalkv, CRITICALKV_OPTIONS } from "./criticalkv.ts";
export { definePolicy, eachHead, everyRow } from "./define_policy.ts";
export { EXPECTED_ATTENTION_OPTIONS, expectedAttention } from "./expected_attention.ts";
export { globalkv } from "./globalkv.ts";
export { heavyHitter } from "./heavy_hitter.ts";
export { hybrid } from "./hybrid.ts";
export { innerProduct } from "../numeric/vectors.ts";
export { keepAll } from "./keep_all.ts";
export { keydiff } from "./keydiff.ts";
export { knorm } from "./knorm.ts";
export { kvzip, KVZIP_OPTIONS, type KvzipOptions, kvzipPlus } from "./kvzip.ts";
export { lagkv, LAGKV_OPTIONS } from "./lagkv.ts";
export { h2o, H2O_OPTIONS } from "./h2o.ts";
export { observedAttention } from "./observed_attention.ts";
export { type OptionsOf } from "./options.ts";
export type * from "./policy.ts";
export { type Vector } from "../numeric/vectors.ts";
export { protect, PROTECT_OPTIONS } from "./protect.ts";
export { type BudgetShare, type PolicyRule } from "./policy_rules.ts";
export { oracle } from "./oracle.ts";
export { pyramid, PYRAMID_OPTIONS } from "./pyramid.ts";
export { pyramidkv, PYRAMIDKV_OPTIONS } from "./pyramidkv.ts";
export { random, RANDOM_OPTIONS } from "./random.ts";
export { recentWindow } from "./recent_window.ts";
export { scoreOnce } from "./score_once.ts";
export { snapkv, SNAPKV_OPTIONS, type SnapkvOptions } from "./snapkv.ts";
export { STREAMING_LLM_OPTIONS, streamingLlm } from "./streaming_llm.ts";
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
export { tova } from "./tova.ts";
export { TOKEN_POLICY_OPTIONS, type TokenPolicyOptions } from "./token_policy.ts";
