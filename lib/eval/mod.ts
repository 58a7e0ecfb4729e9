/**
 * Evaluation: texts with facts in them, and what a right answer contains.
 *
 * ```ts
 * import { factPrompt } from "kvmirror/eval";
 *
 * const { text, facts } = factPrompt({ seed: 7, facts: 2 });
 * ```
 *
 * @module
 */
export { type Fact, type FactPrompt, factPrompt, type FactPromptOptions } from "./fact_prompt.ts";
