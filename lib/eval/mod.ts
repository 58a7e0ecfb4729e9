/**
 * Evaluation: texts with facts in them, questions under evicted caches, and how sure the scores are.
 *
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { answerStudy, factPrompt, summariseAnswers } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const prompts = Array.from({ length: 8 }, (_, seed) => factPrompt({ seed }));
 * const arms = ["recent_window", "hybrid"].map((name) => ({ policy: policy(name), compressionRatio: 0.5 }));
 * const scores = summariseAnswers(await answerStudy(model, prompts, arms), "recent_window");
 * ```
 *
 * @module
 */
export {
  type Answer,
  type AnsweringModel,
  answerStudy,
  type AnswerStudyOptions,
  type Arm,
  isRight,
  type QuestionTiming,
} from "./answer_study.ts";
export { type Fact, type FactPrompt, factPrompt, type FactPromptOptions } from "./fact_prompt.ts";
export { mobyDick, sentencesOf } from "./moby_dick.ts";
export { residentBytes } from "./resident_bytes.ts";
export { type AnswerSummary, summariseAnswers } from "./summarise_answers.ts";
