import type { Model } from "kvmirror/engine";
import { answerStudy } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import type { Measurement, StudyRequest } from "./measurement.ts";

/** Policies of the smaller studies that show how the cost of a cell goes with their number. */
const FEWER_POLICIES = [1, 2, 5];

/** Runs a study as notebooks do: each text is read once, and every policy and ratio forks from it. */
export async function runStudy(model: Model, request: StudyRequest): Promise<Measurement[]> {
  const { prompts, policies, ratios, tokens } = request;
  const secondsACell = async (count: number) => {
    const arms = policies.slice(0, count).map((name) => policy(name)).flatMap((policy) =>
      ratios.map((compressionRatio) => ({ policy, compressionRatio }))
    );
    const start = performance.now();
    const answers = await answerStudy(model, prompts, arms, { maxNewTokens: tokens });
    return (performance.now() - start) / 1000 / answers.length;
  };
  const study = (metric: string, seconds: number): Measurement => ({ metric, unit: "s/cell", samples: [seconds] });
  const measured = [study("study", await secondsACell(policies.length))];
  for (const count of FEWER_POLICIES) measured.push(study(`study_policies_${count}`, await secondsACell(count)));
  return measured;
}
