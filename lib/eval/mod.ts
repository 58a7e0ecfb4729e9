/**
 * Evaluation: tasks after RULER and datasets in kvpress's format, texts with facts in them, questions under evicted caches,
 * and how sure the scores are.
 *
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { answerStudy, factPrompt, summarizeAnswers } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const prompts = Array.from({ length: 8 }, (_, seed) => factPrompt({ seed }));
 * const settings = ["recent_window", "hybrid"].map((name) => ({ policy: policy(name), compressionRatio: 0.5 }));
 * const scores = summarizeAnswers(await answerStudy(model, prompts, settings), "recent_window");
 * ```
 *
 * @module
 */
export { type Answer, type AnsweringModel, answerStudy, type AnswerStudyOptions } from "./run/answer_study.ts";
export { type PolicySetting } from "./run/setting.ts";
export { isRight } from "./run/scorers.ts";
export { type QuestionTiming } from "./dataset/kvpress_prompt.ts";
export { FACT_EVICTION_SETTINGS, factEviction, type FactEvictionOptions } from "./experiments/fact_eviction.ts";
export { type Fact, type FactPrompt, factPrompt, type FactPromptOptions } from "./dataset/fact_prompt.ts";
export { mobyDick, sentencesOf } from "./dataset/moby_dick.ts";
export { decodeTimes } from "./experiments/decode_times.ts";
export { factRow } from "./dataset/fact_prompt.ts";
export { type RetentionRecall, retentionRecall, type RetentionRecallOptions } from "./experiments/retention_recall.ts";
export {
  type AgreementOf,
  type ProxyAgreement,
  proxyAgreement,
  type ProxyObservation,
} from "./experiments/proxy_agreement.ts";
export { recallPrompt, type RecallPromptOptions, type RecallTask } from "./dataset/recall_prompt.ts";
export { residentBytes } from "./experiments/resident_bytes.ts";
export { type AnswerSummary, summarizeAnswers } from "./scores/summarize_answers.ts";
export { type AskedQuestion, type ReadingModel, type ReferenceAnswer } from "./run/evaluate_context.ts";
export { FLOORS, pairedDifference, type SettingComparison, settingComparisons } from "./scores/comparisons.ts";
export {
  boundedPrefill,
  type BoundedPrefillOptions,
  type BoundedPrefillRow,
  type EvictionTime,
} from "./experiments/bounded_prefill.ts";
export { sampleFolder } from "./run/sample_store.ts";
export { ratioFor } from "./experiments/equal_bytes.ts";
export { type EqualByteGrid, type EqualByteSetting, equalByteSettings } from "./experiments/equal_bytes.ts";
export { parseSetting, type SettingMethod, settingName } from "./run/setting.ts";
export { CUT_PROMPT } from "./run/cut_prompt.ts";
export { type DepthScore, depthScores } from "./scores/depth_scores.ts";
export { evenDepths } from "./dataset/task_rows.ts";
export { type NeedleAttention, needleAttention } from "./experiments/needle_attention.ts";
export { fullyAsked } from "./scores/policy_choice.ts";
export { evaluate, type EvaluateOptions, type Evaluation } from "./run/evaluate.ts";
export { EarlierAnswers } from "./run/answer_study.ts";
export { type EvaluatedModel } from "./run/evaluate_context.ts";
export { type Setting } from "./run/setting.ts";
export { type SettingName } from "./run/setting.ts";
export { type EvaluatedSample, type FailedSample, type Sample, type ScoredSample } from "./run/sample.ts";
export { type SampleStore } from "./run/sample_store.ts";
export { type DatasetRow, parseDatasetRows } from "./dataset/dataset_row.ts";
export { kvpressPrompt, type PromptIds } from "./dataset/kvpress_prompt.ts";
export { type LaterAttention, laterAttention } from "./run/later_attention.ts";
export { perplexity, type PerplexityOptions, type PerplexityRow } from "./experiments/perplexity.ts";
export { type PolicyChoice, policyChoice } from "./scores/policy_choice.ts";
export { type PolicyStudy, policyStudy, type PolicyStudyOptions, type StudyStage } from "./run/study.ts";
export { type GrownStudy, growStudy } from "./run/study.ts";
export { studyPath } from "./run/study_file.ts";
export { encodeStudy, parseStudy, type StudyFile, type StudyOrigin } from "./run/study_file.ts";
export {
  recommend,
  type Recommendation,
  type RecommendEvidence,
  type RecommendOptions,
} from "./experiments/recommend.ts";
export { type ResultRow, resultRows } from "./scores/task_scores.ts";
export { type ScoreColumns, scoreColumns } from "./scores/task_scores.ts";
export { checkTaskName, generateRows, type GenerateRowsOptions, TASK_NAMES } from "./dataset/ruler/generate_rows.ts";
export { taskRows, type TaskRowsOptions } from "./dataset/task_rows.ts";
export { slidingWindowLosses, type SlidingWindowOptions } from "./experiments/stream_text.ts";
export { type StreamedText, type StreamRow, streamText, type StreamTextOptions } from "./experiments/stream_text.ts";
export { shareOfFull } from "./scores/comparisons.ts";
export { type StreamTrend, streamTrend } from "./experiments/stream_text.ts";
export { splitNames } from "./run/setting.ts";
export { stringMatch } from "./run/scorers.ts";
export { GATE_ROWS, GATE_SCORE, openTasks, type TaskGate, taskGates } from "./scores/task_gates.ts";
export { fitAttentionProbe, type FitAttentionProbeOptions } from "./experiments/fit_attention_probe.ts";
