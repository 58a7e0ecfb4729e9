import type { Model } from "kvmirror/engine";
import { answerStudy } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import type { Measurement, StudyRequest } from "./measurement.ts";

/** Runs a study as notebooks do: each text is read once, and every policy and ratio forks from it. */
export async function runStudy(model: Model, request: StudyRequest): Promise<Measurement[]> {
  const { prompts, policies, ratios, tokens } = request;
  const arms = policies.flatMap((name) =>
    ratios.map((compressionRatio) => ({ policy: policy(name), compressionRatio }))
  );
  const start = performance.now();
  const answers = await answerStudy(model, prompts, arms, { maxNewTokens: tokens });
  return [{ metric: "study", unit: "s/cell", samples: [(performance.now() - start) / 1000 / answers.length] }];
}
