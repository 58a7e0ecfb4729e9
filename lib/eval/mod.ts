/**
 * Evaluation: tasks after RULER and datasets in kvpress's format, texts with facts in them, questions under evicted caches,
 * and how sure the scores are.
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
export { FACT_EVICTION_ARMS, factEviction, type FactEvictionOptions } from "./fact_eviction.ts";
export { type Fact, type FactPrompt, factPrompt, type FactPromptOptions } from "./fact_prompt.ts";
export { mobyDick, sentencesOf } from "./moby_dick.ts";
export { decodeTimes } from "./decode_times.ts";
export { factRow } from "./fact_row.ts";
export { type KeptRecall, keptRecall, type KeptRecallOptions } from "./kept_recall.ts";
export { type AgreementOf, type ProxyAgreement, proxyAgreement, type ProxyObservation } from "./proxy_agreement.ts";
export { recallPrompt, type RecallPromptOptions, type RecallTask } from "./recall_prompt.ts";
export { residentBytes } from "./resident_bytes.ts";
export { type AnswerSummary, summariseAnswers } from "./summarise_answers.ts";
export { type AskedQuestion, type ReadingModel, type ReferenceAnswer } from "./answer_row.ts";
export { type ArmComparison, armComparisons, FLOORS, pairedDifference } from "./arm_comparisons.ts";
export {
  boundedPrefill,
  type BoundedPrefillOptions,
  type BoundedPrefillRow,
  type EvictionTime,
} from "./bounded_prefill.ts";
export { cellFolder } from "./cell_folder.ts";
export { ratioFor } from "./ratio_for.ts";
export { type EqualByteArm, equalByteArms, type EqualByteGrid } from "./equal_byte_arms.ts";
export { type ArmMethod, armName, parseArm } from "./arm_name.ts";
export { CUT_PROMPT } from "./cut_prompt.ts";
export { type DepthScore, depthScores } from "./depth_scores.ts";
export { evenDepths } from "./even_depths.ts";
export { type NeedleAttention, needleAttention } from "./needle_attention.ts";
export { fullyAsked } from "./fully_asked.ts";
export { evaluate, type EvaluateOptions, type Evaluation } from "./evaluate.ts";
export { EarlierAnswers } from "./earlier_answers.ts";
export type { EvaluatedModel, EvaluationArm } from "./evaluate_context.ts";
export type { ArmName, Cell, CellStore, EvaluatedCell, FailedCell, ScoredCell } from "./evaluated_cell.ts";
export { type EvaluationRow, parseEvaluationRows } from "./evaluation_row.ts";
export { kvpressPrompt, type PromptIds } from "./kvpress_prompt.ts";
export { type LaterAttention, laterAttention } from "./later_attention.ts";
export { perplexity, type PerplexityOptions, type PerplexityRow } from "./perplexity.ts";
export { type PolicyChoice, policyChoice } from "./policy_choice.ts";
export { type PolicyStudy, policyStudy, type PolicyStudyOptions, type StudyStage } from "./policy_study.ts";
export { type GrownStudy, growStudy } from "./grow_study.ts";
export { studyPath } from "./study_path.ts";
export { encodeStudy, parseStudy, type StudyFile, type StudyOrigin } from "./study_file.ts";
export { recommend, type Recommendation, type RecommendEvidence, type RecommendOptions } from "./recommend.ts";
export { type ResultRow, resultRows } from "./result_rows.ts";
export { type ScoreColumns, scoreColumns } from "./score_columns.ts";
export { checkTaskName, generateRows, type GenerateRowsOptions, TASK_NAMES } from "./ruler/generate_rows.ts";
export { taskRows, type TaskRowsOptions } from "./task_rows.ts";
export { slidingWindowLosses, type SlidingWindowOptions } from "./sliding_window_losses.ts";
export { type StreamedText, type StreamRow, streamText, type StreamTextOptions } from "./stream_text.ts";
export { shareOfFull } from "./share_of_full.ts";
export { type StreamTrend, streamTrend } from "./stream_trend.ts";
export { splitNames } from "./split_names.ts";
export { stringMatch } from "./string_match.ts";
export { GATE_ROWS, GATE_SCORE, openTasks, type TaskGate, taskGates } from "./task_gates.ts";
export { fitAttentionProbe, type FitAttentionProbeOptions } from "./fit_attention_probe.ts";
