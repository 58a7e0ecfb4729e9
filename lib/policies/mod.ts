/**
 * Policies: which rows of a KV cache stay.
 *
 * A policy reads signals and answers with row choices, never with tensors; the simulator, the replay and the engine call
 * the same object.
 *
 * ```ts
 * import { policy, policyNames } from "kvmirror/policies";
 *
 * const policies = policyNames().map((name) => policy(name));
 * ```
 *
 * @module
 */
export { budgetForRatio, budgetForRows, headRows, keptRows } from "./budget.ts";
export { checkNeeds, describeNeed, sameNeed } from "./check_needs.ts";
export { definePolicy, eachHead, everyRow } from "./define_policy.ts";
export { heavyHitter } from "./heavy_hitter.ts";
export { hybrid } from "./hybrid.ts";
export { keepAll } from "./keep_all.ts";
export type * from "./policy.ts";
export { random, type RandomOptions } from "./random.ts";
export { recentWindow } from "./recent_window.ts";
export { streamingLlm, type StreamingLlmOptions } from "./streaming_llm.ts";
export { policy, type PolicyEntry, policyEntry, policyNames, type PolicyOptions } from "./table.ts";
export type { TokenPolicyOptions } from "./token_policy.ts";
