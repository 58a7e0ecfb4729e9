/**
 * The process that a worker's model runs in: it says which version of the model it has, then answers one job a line, a line
 * for each sample as it is finished. It has no connection to the queue, and may end without the worker.
 */
import "../cli/no_deprecations.ts";
import { loadModel, type Model, type WeightFormat } from "kvmirror/engine";
import { parseSetting, sampleFolder, type SampleStore, type Setting } from "kvmirror/eval";
import { type ContextQuestion, evaluateContext } from "../../lib/eval/run/evaluate_context.ts";
import { sampleKey } from "../../lib/eval/run/sample_store.ts";
import { cacheFolder } from "../../lib/files/cache_folder.ts";
import { readLines } from "../../lib/files/lines.ts";
import { printNotice, printText } from "../cli/print.ts";
import { runBody } from "../cli/run_body.ts";
import { type Job, JOB_DONE, type JobOutcome, MAX_OUTCOME, parseJob } from "../../lib/eval/run/job.ts";
import { codeHash, workVersion } from "./work_version.ts";

/** A setting that has the key of its sample. */
type KeyedSetting = Setting & { readonly key: string };

if (import.meta.main) {
  await runBody(async () => {
    const [name, weights, threads] = Deno.args;
    await using model = await loadModel(name, {
      weights: weights as WeightFormat,
      threads: Number(threads),
      onNotice: printNotice,
    });
    printText(JSON.stringify(workVersion(model)));
    // Samples' keys do not hold the code, which jobs ask for as well.
    const samples = sampleFolder(`${cacheFolder()}/queue_samples/${codeHash().slice(0, 32)}`);
    let busy = Promise.resolve();
    for await (const line of readLines(Deno.stdin.readable)) {
      await busy;
      busy = (async () => {
        for await (const outcome of answerJob(model, parseJob(line), samples)) printText(JSON.stringify(outcome));
        printText(JOB_DONE);
      })();
    }
    Deno.exit(0); // the worker is gone: nobody takes what is under way
  });
}

/** Answers a job; samples that this machine has are not computed again. */
async function* answerJob(model: Model, job: Job, samples: SampleStore): AsyncGenerator<JobOutcome, void, undefined> {
  const { positions, contextIds } = job;
  const missing: (ContextQuestion & { readonly settings: readonly KeyedSetting[] })[] = [];
  for (const { openingTokens, questionIds, maxNewTokens, settings } of job.questions) {
    const prompt = { contextIds, openingTokens, questionIds };
    const left: KeyedSetting[] = [];
    for (const { key, ...name } of settings) {
      const setting = parsedSetting(name);
      if (setting instanceof Error) {
        yield { key, error: setting.message };
        continue;
      }
      if (sampleKey({ model, setting, positions, prompt, maxNewTokens }) !== key) {
        yield { key, error: `its key is not that of ${name.policy} at ${name.compression_ratio} on this prompt` };
        continue;
      }
      const sample = samples.read(key);
      if (sample === undefined) left.push({ ...setting, key });
      else yield { key, sample };
    }
    if (left.length > 0) missing.push({ ...prompt, maxNewTokens, settings: left });
  }
  if (missing.length === 0) return;
  for await (const { setting: { key }, sample } of evaluateContext(model, missing, positions)) {
    if (sample instanceof Error) {
      yield { key, error: sample.message || sample.name };
      continue;
    }
    samples.write(key, sample);
    const fits = JSON.stringify(sample).length < MAX_OUTCOME / 2;
    yield fits ? { key, sample } : { key, error: `its sample is larger than a queue takes, ${MAX_OUTCOME} characters` };
  }
}

function parsedSetting(name: Parameters<typeof parseSetting>[0]): Setting | Error {
  try {
    return parseSetting(name);
  } catch (error) {
    return error as Error;
  }
}
