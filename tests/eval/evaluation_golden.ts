import type { EvaluationRow } from "kvmirror/eval";

/** What tests/goldens/make_evaluation_goldens.py writes. */
export interface EvaluationGolden {
  readonly rows: EvaluationRow[];
  readonly bos_token: string;
  readonly prompts: Record<"chat" | "chat_aware" | "plain", { context_ids: number[]; question_ids: number[] }[]>;
  readonly answers: Record<"keep_all" | "streaming_llm", string[]>;
  readonly said: { task: string; prediction: string; answer: string[] }[];
  readonly scores: Record<string, number>;
}

/** Reads the golden file. */
export function evaluationGolden(): EvaluationGolden {
  return JSON.parse(Deno.readTextFileSync(new URL("../goldens/evaluation.json", import.meta.url)));
}
