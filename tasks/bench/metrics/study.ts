import { factPrompt } from "kvmirror/eval";
import type { Workload } from "./workloads.ts";

/** Policies that read a text once and that kvpress has too. */
const POLICIES = [
  ...["random", "streaming_llm", "observed_attention", "tova", "snapkv"],
  ...["adakv(snapkv)", "knorm", "keydiff", "lagkv", "expected_attention"],
];

/** How many they are. */
export const STUDY_POLICIES = POLICIES.length;

const FEWER = "study_policies_";

/** Sentences of boilerplate that make some 2,000 tokens. */
const SENTENCES = 148;

/** Tokens of a study's texts, about. */
const STUDY_TOKENS = 2000;

/** A model of a shorter context has a small study: its tokens may be single letters. */
const LEAST_CONTEXT = 8192;

/** Ten policies at four ratios on two texts; for small models on one text of a few sentences. */
export function studyWorkload(maxPositionEmbeddings: number): Workload {
  const [texts, sentences] = maxPositionEmbeddings >= LEAST_CONTEXT ? [2, SENTENCES] : [1, 8];
  return {
    context: STUDY_TOKENS,
    request: {
      measure: "study",
      prompts: Array.from({ length: texts }, (_, seed) => factPrompt({ seed, facts: 1, sentences })),
      policies: POLICIES,
      ratios: [0.25, 0.5, 0.75, 0.875],
      tokens: 8,
    },
  };
}

/** Whether a metric is a study's: `study` of all policies, or `study_policies_2`. */
export function isStudy(metric: string): boolean {
  return metric === "study" || metric.startsWith(FEWER);
}

/** How many policies a study's metric has. */
export function policiesOf(metric: string): number {
  return metric === "study" ? STUDY_POLICIES : Number(metric.slice(FEWER.length));
}
