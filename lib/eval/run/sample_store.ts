import type { Model, PositionMode } from "../../engine/mod.ts";
import { fittedHash } from "../../engine/observe/fitted_weights.ts";
import { cacheFolder } from "../../files/cache_folder.ts";
import { textHash } from "../../files/hash.ts";
import { parseJson } from "../../files/json_object.ts";
import { writeAtomicSync } from "../../files/write_atomic.ts";
import { madeOf } from "../../policies/table.ts";
import type { PromptIds } from "../dataset/kvpress_prompt.ts";
import { askService } from "./ask_service.ts";
import type { Signal } from "../../policies/policy.ts";
import { CUT_PROMPT } from "./cut_prompt.ts";
import type { AskJobs } from "./job.ts";
import { isSample, type Sample } from "./sample.ts";
import { type Setting, settingName } from "./setting.ts";

/** Where finished samples are kept. */
export interface SampleStore {
  /** The sample of this key; undefined if it is not there. */
  read(key: string): Sample | undefined;
  /** Keeps a sample, atomically. */
  write(key: string, sample: Sample): void;
  /** Has the samples that `read` lacks answered elsewhere; without it, the model answers them here. */
  readonly ask?: AskJobs;
}

/**
 * A folder of finished samples, a file each; files are written atomically, so a run may be killed at any time.
 *
 * @param folder by default one in the cache folder, which all evaluations share; where `KVMIRROR_SAMPLES` names another,
 *   as for the notebooks of `reproduce --fresh`, that one; where it is the address of a service, as for those of
 *   `reproduce --queue`, samples are asked for there instead
 */
export function sampleFolder(folder?: string): SampleStore {
  const set = folder === undefined ? Deno.env.get("KVMIRROR_SAMPLES") || undefined : undefined;
  if (set?.startsWith("http:")) return { read: () => undefined, write: () => {}, ask: askService(set) };
  return folderOf(folder ?? set ?? `${cacheFolder()}/evaluation_samples`);
}

function folderOf(folder: string): SampleStore {
  Deno.mkdirSync(folder, { recursive: true });
  const path = (key: string) => `${folder}/${key}.json`;
  return {
    read: (key) => {
      try {
        const kept = parseJson(Deno.readTextFileSync(path(key)), key);
        return isSample(kept) ? kept : undefined;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write: (key, sample) => writeAtomicSync(path(key), JSON.stringify(sample)),
  };
}

/** What a sample depends on. */
export interface SampleOrigin {
  /** The model, by what it was built from and by what the code makes of it. */
  readonly model: Pick<Model, "hash" | "origin">;
  /** The setting. */
  readonly setting: Setting;
  /** Where kept rows stand. */
  readonly positions: PositionMode;
  /** The tokens that are read: they hold the tokenizer, the template and the question's timing. */
  readonly prompt: PromptIds;
  /** Tokens of the longest answer. */
  readonly maxNewTokens: number;
}

/** How an answer comes from the tokens of its prompt: raised where the same ones would give another sample than before. */
const ANSWERING = "greedy answer, divergence on the full cache's answer, 2";

/**
 * sha256 of what a sample depends on, hex. The right answers and the scorer are not among it, as scores are computed anew
 * of every sample. Undefined where the policy was not made by its name and numbers: what it does cannot be known, so its
 * samples are not kept.
 */
export function sampleKey({ model, setting, positions, prompt, maxNewTokens }: SampleOrigin): string | undefined {
  const parts = setting.policy === CUT_PROMPT ? {} : madeOf(setting.policy);
  if (parts === undefined) return undefined;
  const { openingTokens, contextIds, questionIds } = prompt;
  const options = Object.entries(parts).toSorted(([one], [other]) => one < other ? -1 : 1);
  return textHash(JSON.stringify({
    answering: ANSWERING,
    build: model.origin.build,
    probe: reads(setting, "predictedAttention") ? fittedHash("attention_probe", model.hash) : undefined,
    kvzap: reads(setting, "predictedReconstruction") ? fittedHash("kvzap", model.hash) : undefined,
    qfilter: reads(setting, "filterResponse") ? fittedHash("qfilter", model.hash) : undefined,
    ...settingName(setting),
    options: options.length > 0 ? options : undefined,
    positions,
    openingTokens,
    contextIds,
    questionIds,
    maxNewTokens,
  }));
}

function reads({ policy }: Setting, signal: Signal): boolean {
  return policy !== CUT_PROMPT && policy.signals.includes(signal);
}
