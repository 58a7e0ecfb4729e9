/**
 * Evaluation: tasks after RULER and datasets in kvpress's format, texts with facts in them, questions under evicted caches,
 * and how sure the scores are.
 *
 * Prompts become rows ({@linkcode taskRows}, {@linkcode factRows}, {@linkcode parseDatasetRows}), {@linkcode evaluate} asks
 * every row under every {@linkcode Setting}, {@linkcode SCORERS} score the answers, and statistics are taken of the
 * samples: {@linkcode taskScores}, {@linkcode settingComparisons}, {@linkcode policyChoice}. {@linkcode writeEvaluation}
 * writes what `deno task evaluate` writes.
 *
 * ```ts
 * import { assert } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { evaluate, factPrompt, factRows, settingComparisons } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const rows = factRows("codes", Array.from({ length: 8 }, (_, seed) => factPrompt({ seed })));
 * const settings = ["recent_window", "hybrid"].map((name) => ({ policy: policy(name), compressionRatio: 0.5 }));
 * const { samples } = await evaluate(model, rows, settings);
 * const [full, hybrid] = settingComparisons(samples, { reference: "recent_window" });
 * assert(full.difference! >= 0 && hybrid.n === 8);
 * ```
 *
 * @module
 */
// What is asked.
export { type DatasetRow, parseDatasetRows, type RowTemplate } from "./dataset/dataset_row.ts";
export { type ConversationTurn, factConversation, type FactConversationOptions } from "./dataset/fact_conversation.ts";
export {
  type Fact,
  type FactPrompt,
  factPrompt,
  type FactPromptOptions,
  factRow,
  type FactRowOptions,
  factRows,
} from "./dataset/fact_prompt.ts";
export { kvpressPrompt, type PromptIds, type QuestionTiming } from "./dataset/kvpress_prompt.ts";
export { mobyDick } from "./dataset/moby_dick.ts";
export { recallPrompt, type RecallPromptOptions, type RecallTask } from "./dataset/recall_prompt.ts";
export { checkTaskName, TASK_NAMES } from "./dataset/tasks/generate_rows.ts";
export { type FittingSource, fittingTexts, type FittingTextsOptions } from "./dataset/fitting_texts.ts";
export { checkNoOverlap } from "./dataset/overlap.ts";
export { FREE_TEXTS, scoredTexts, TEXT_NAMES, type TextName } from "./dataset/texts.ts";
export { evenDepths, taskRows, type TaskRowsOptions } from "./dataset/task_rows.ts";
// How an answer is scored.
export {
  type AnsweredRow,
  scoreAnswer,
  type ScoredRow,
  type Scorer,
  type ScorerEntry,
  SCORERS,
} from "./scorers/scorers.ts";
// Rows under settings.
export { CUT_PROMPT } from "./run/cut_prompt.ts";
export { type EvaluatedModel } from "./run/evaluate_context.ts";
export { evaluate, type EvaluateOptions, type Evaluation } from "./run/evaluate.ts";
export { type EvaluatedSample, type FailedSample, type Sample, type ScoredSample } from "./run/sample.ts";
export { sampleFolder, type SampleStore } from "./run/sample_store.ts";
export type { AskJobs, Job, JobModel, JobOutcome, JobQuestion, JobSetting } from "./run/job.ts";
export { parseSetting, type Setting, type SettingName, settingName, splitNames } from "./run/setting.ts";
export { encodeStudy, parseStudy, type StudyFile, type StudyOrigin, studyOrigin, studyPath } from "./run/study_file.ts";
export { growStudy, type PolicyStudy, policyStudy, type PolicyStudyOptions, type StudyStage } from "./run/study.ts";
// Statistics of samples.
export {
  type ComparisonOptions,
  FLOORS,
  type SettingComparison,
  settingComparisons,
  shareOfFull,
} from "./scores/comparisons.ts";
export { type DepthScore, depthScores } from "./scores/depth_scores.ts";
export { fullyAsked, type PolicyChoice, policyChoice } from "./scores/policy_choice.ts";
export { CLAIM_ROWS, type LeadClaim, leadClaim, type LeadClaimOptions } from "./scores/lead_claim.ts";
export { openTasks, type TaskGate, taskGates } from "./scores/task_gates.ts";
export { type ScoreColumns, scoreColumns, type TaskScore, taskScores } from "./scores/task_scores.ts";
// Files.
export {
  type EvaluationReport,
  evaluationReport,
  type FailureRow,
  failureRows,
  type ReportedEvaluation,
  reportMarkdown,
} from "./files/evaluation_report.ts";
export { type ModelReport, writeEvaluation, writeWeightsComparison } from "./files/write_evaluation.ts";
// One question each.
export {
  type AnswerBound,
  type BoundedAnswer,
  boundedAnswers,
  type BoundedAnswersOptions,
} from "./experiments/bounded_answers.ts";
export {
  boundedConversations,
  type BoundedConversationsOptions,
  type ConversationBound,
  type ConversationSample,
} from "./experiments/bounded_conversations.ts";
export {
  boundedPrefill,
  type BoundedPrefillOptions,
  type BoundedPrefillRow,
  type EvictionTime,
} from "./experiments/bounded_prefill.ts";
export { decodeTimes } from "./experiments/decode_times.ts";
export { type EqualByteGrid, type EqualByteSetting, equalByteSettings } from "./experiments/equal_bytes.ts";
export { factEviction, type FactEvictionOptions } from "./experiments/fact_eviction.ts";
export {
  fitPolicy,
  type FitPolicyOptions,
  type FittedModel,
  type FittedPolicyWeights,
} from "./experiments/fit_policy.ts";
export { type AnswerScores, answerScores, type LostAnswers, lostAnswers } from "./experiments/lost_answers.ts";
export {
  type OriginalBenchmark,
  originalBenchmark,
  type OriginalBenchmarkOptions,
  type OriginalBenchmarkRow,
} from "./experiments/original_benchmark.ts";
export { inspectRetention, type InspectRetentionOptions } from "./experiments/inspect_retention.ts";
export { type NeedleAttention, needleAttention } from "./experiments/needle_attention.ts";
export { perplexity, type PerplexityOptions, type PerplexityRow } from "./experiments/perplexity.ts";
export {
  type AgreementOf,
  type ProxyAgreement,
  proxyAgreement,
  type ProxyObservation,
} from "./experiments/proxy_agreement.ts";
export {
  recommend,
  type Recommendation,
  type RecommendEvidence,
  type RecommendOptions,
} from "./experiments/recommend.ts";
export { residentBytes } from "./experiments/resident_bytes.ts";
export { type RetentionRecall, retentionRecall, type RetentionRecallOptions } from "./experiments/retention_recall.ts";
export { type SettingTime, settingTimes, type SettingTimesOptions } from "./experiments/setting_times.ts";
export {
  slidingWindowLosses,
  type SlidingWindowOptions,
  type StreamedText,
  type StreamRow,
  streamText,
  type StreamTextOptions,
  type StreamTrend,
  streamTrend,
} from "./experiments/stream_text.ts";
