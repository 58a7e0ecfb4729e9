import type { PositionMode } from "../../engine/mod.ts";
import { type ContextOutcome, type ContextQuestion, evaluateContext, type EvaluatedModel } from "./evaluate_context.ts";
import type { AskJobs, Job, JobQuestion, JobSetting } from "./job.ts";
import { sampleKey } from "./sample_store.ts";
import { parseSetting, type Setting, settingName } from "./setting.ts";

/**
 * Has questions about contexts answered elsewhere: each context is a job, and all are asked for at once. Settings whose
 * name alone does not tell what they do, such as a policy of one's own, are answered here, behind the others.
 */
export async function* answerElsewhere<Question extends ContextQuestion>(
  ask: AskJobs,
  model: EvaluatedModel,
  contexts: Iterable<readonly Question[]>,
  positions: PositionMode,
  signal?: AbortSignal,
): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
  const jobs: Job[] = [];
  const asked = new Map<string, Omit<ContextOutcome<Question>, "sample">[]>(); // rows may ask the same
  const unnamed: Question[][] = [];
  const known = new Map<Setting, boolean>();
  const isTold = (setting: Setting) =>
    known.get(setting) ?? known.set(setting, isToldByName(setting, model)).get(setting)!;
  for (const questions of contexts) {
    const own: Question[] = [];
    const others: JobQuestion[] = [];
    for (const question of questions) {
      const { openingTokens, questionIds, maxNewTokens } = question;
      const here: Setting[] = [];
      const settings: JobSetting[] = [];
      for (const setting of question.settings) {
        const key = isTold(setting)
          ? sampleKey({ model, setting, positions, prompt: question, maxNewTokens })
          : undefined;
        if (key === undefined) here.push(setting);
        else if (asked.has(key)) asked.get(key)!.push({ question, setting });
        else {
          asked.set(key, [{ question, setting }]);
          settings.push({ ...settingName(setting), key });
        }
      }
      if (here.length > 0) own.push({ ...question, settings: here });
      if (settings.length > 0) others.push({ openingTokens, questionIds, maxNewTokens, settings });
    }
    if (own.length > 0) unnamed.push(own);
    if (others.length > 0) jobs.push({ positions, contextIds: questions[0].contextIds, questions: others });
  }
  for await (const outcome of jobs.length === 0 ? [] : ask(model, jobs, signal)) {
    const sample = "sample" in outcome ? outcome.sample : new Error(outcome.error);
    for (const one of asked.get(outcome.key) ?? []) yield { ...one, sample };
    asked.delete(outcome.key);
  }
  for (const own of unnamed) yield* evaluateContext(model, own, positions, signal);
  for (const one of [...asked.values()].flat()) yield { ...one, sample: new Error("nobody has answered it") };
}

/** Whether somebody who reads a setting's name has the same setting. */
function isToldByName(setting: Setting, model: EvaluatedModel): boolean {
  const nothing = { openingTokens: 0, contextIds: [], questionIds: [] };
  const keyOf = (one: Setting) =>
    sampleKey({ model, setting: one, positions: "logical", prompt: nothing, maxNewTokens: 0 });
  try {
    const key = keyOf(setting);
    return key !== undefined && keyOf(parseSetting(settingName(setting))) === key;
  } catch {
    return false;
  }
}
