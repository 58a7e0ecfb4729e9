import type { Model } from "../../engine/mod.ts";
import { gitCommit } from "../../files/git_commit.ts";
import { parseJsonObjectText } from "../../files/json_object.ts";
import { packageDataPath } from "../../files/package_data.ts";
import { mean } from "../../numeric/mean.ts";
import type { ScoredSample } from "./sample.ts";

/** Where a study is from. */
export interface StudyOrigin {
  /** The command that ran it. */
  readonly command: string;
  /** The model's name. */
  readonly model: string;
  /** How its weights were held. */
  readonly weights: string;
  /** sha256 of its checkpoint's content, hex. */
  readonly sha256: string;
  /** Seed of the rows. */
  readonly seed: number;
  /** The day it was finished, as `2026-11-28`; absent in studies from before it was kept. */
  readonly date?: string;
  /** The commit it was run at, with `+` where files differed; null outside a checkout, absent as `date` is. */
  readonly commit?: string | null;
}

/** The scores of a study, to be read where it is too long to be run again. */
export interface StudyFile extends StudyOrigin {
  /** Samples; divergence and agreement are each sample's means. */
  readonly samples: readonly ScoredSample[];
}

/**
 * Where a study is from that this process makes: its model, the day, and the commit.
 *
 * @param command what runs it again
 * @param seed of its rows
 */
export async function studyOrigin(
  model: Pick<Model, "origin" | "hash">,
  command: string,
  seed: number,
): Promise<StudyOrigin> {
  const { label, weights } = model.origin;
  const [date] = new Date().toISOString().split("T");
  return { command, model: label, weights, sha256: model.hash, seed, date, commit: await gitCommit() };
}

const COLUMNS = ["index", "context", "score", "kl", "agreement", "answer_tokens", "live_bytes"] as const;

/** Writes a study as JSON, a line for each setting and task, its samples in columns. */
export function encodeStudy({ samples, ...origin }: StudyFile): string {
  const groups = Map.groupBy(
    samples,
    ({ policy, compression_ratio, task }) => [policy, compression_ratio, task].join(" "),
  );
  const settings = [...groups.values()].map((own) => {
    const [{ policy, compression_ratio, task }] = own;
    const columns = COLUMNS.filter((name) => !isUnmeasured(own, name))
      .map((name) => [name, own.map((sample) => rounded(sample[name]))]);
    return { policy, compression_ratio, task, ...Object.fromEntries(columns) };
  });
  const lines = settings.map((setting) => `    ${JSON.stringify(setting)}`).join(",\n");
  return `${JSON.stringify(origin, null, 2).slice(0, -2)},\n  "settings": [\n${lines}\n  ]\n}\n`;
}

/**
 * Reads what {@linkcode encodeStudy} wrote.
 *
 * @throws {SyntaxError} if it is no such JSON; says what is missing or wrong
 */
export function parseStudy(text: string): StudyFile {
  const { settings, ...origin } = parseJsonObjectText(text, "the study");
  if (!Array.isArray(settings) || !settings.every((setting) => typeof setting === "object" && setting !== null)) {
    throw new SyntaxError("Cannot read the study as it has no settings");
  }
  for (const name of ["command", "model", "weights", "sha256"]) {
    if (typeof origin[name] !== "string") throw new SyntaxError(`Cannot read the study as its ${name} is no text`);
  }
  if (!Number.isSafeInteger(origin.seed)) throw new SyntaxError("Cannot read the study as its seed is no whole number");
  const samples = settings.flatMap(({ policy, compression_ratio, task, ...columns }: Record<string, unknown>) => {
    if (typeof policy !== "string" || typeof task !== "string") {
      throw new SyntaxError("Cannot read the study as a setting of it has no policy or no task");
    }
    if (typeof compression_ratio !== "number" || !(compression_ratio >= 0 && compression_ratio < 1)) {
      throw new SyntaxError(`Cannot read the study as the compression_ratio of ${policy} on ${task} is not in [0, 1)`);
    }
    const column = (name: string, sample: number) => {
      const value = (columns[name] as readonly unknown[] | null | undefined)?.[sample];
      if (typeof value !== "number" || !(value >= 0) || (name === "score" && value > 1)) {
        throw new SyntaxError(`Cannot read the study as ${policy} on ${task} has no ${name} of sample ${sample}`);
      }
      return value;
    };
    if (!Array.isArray(columns.index)) {
      throw new SyntaxError(`Cannot read the study as ${policy} on ${task} has no index`);
    }
    return Array.from(columns.index, (_, sample): ScoredSample => ({
      policy,
      compression_ratio,
      task,
      index: column("index", sample),
      context: column("context", sample),
      score: column("score", sample),
      kl: columns.kl === undefined ? [] : [column("kl", sample)],
      agreement: columns.agreement === undefined ? [] : [column("agreement", sample)],
      answer_tokens: column("answer_tokens", sample),
      live_bytes: column("live_bytes", sample),
    }));
  });
  return { ...origin as unknown as StudyOrigin, samples };
}

/** Divergence and agreement are left out where answers were written freely, and not held to the full cache's. */
function isUnmeasured(samples: readonly ScoredSample[], name: typeof COLUMNS[number]): boolean {
  return (name === "kl" || name === "agreement") && samples.every((sample) => sample[name].length === 0);
}

function rounded(value: number | readonly number[]): number {
  if (typeof value === "number") return Number(value.toPrecision(9));
  return Number(mean(value).toPrecision(4));
}

/** Where a study lies that comes with the project, as it is too long to be run again each time. */
export function studyPath(name: string): string {
  return packageDataPath(`studies/${name}.json`);
}
