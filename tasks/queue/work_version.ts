import { WEIGHT_FORMATS, type WeightFormat } from "kvmirror/engine";
import { fileURLToPath } from "node:url";
import type { JobModel } from "../../lib/eval/run/job.ts";
import settings from "../../deno.json" with { type: "json" };
import { FITTED_POLICIES, fittedHash } from "../../lib/engine/observe/fitted_weights.ts";
import { hashFile, textHash } from "../../lib/files/hash.ts";
import { parseJsonObjectText } from "../../lib/files/json_object.ts";

/** What samples depend on beside their prompts and settings: workers of another version would give others. */
export interface WorkVersion {
  /** sha256 of the files of `lib/` and `tasks/queue/` and of the packages that deno.json pins, hex. */
  readonly code: string;
  /** The model's name, by which a worker looks among its own. */
  readonly model: string;
  /** How its weights are held. */
  readonly weights: WeightFormat;
  /** sha256 of the checkpoint, hex. */
  readonly checkpoint: string;
  /** What the code makes of it, graph and weights: {@linkcode Model.origin}'s. */
  readonly build: string;
  /** sha256 over what policies read that is fitted for the model, hex. */
  readonly fitted: string;
}

/** The version of work on a model. */
export function workVersion({ origin: { name, weights, build }, hash }: JobModel): WorkVersion {
  const fitted = textHash(
    FITTED_POLICIES.map((policy) => `${policy} ${fittedHash(policy, hash) ?? "none"}`).join("\n"),
  );
  return { code: codeHash(), model: name, weights, checkpoint: hash, build, fitted };
}

/** The name of the queue of a version's jobs: only workers of the same one look into it. */
export function queueName({ code, model, weights, checkpoint, build, fitted }: WorkVersion): string {
  return textHash(JSON.stringify([code, model, weights, checkpoint, build, fitted])).slice(0, 32);
}

/**
 * Reads a version that somebody announced.
 *
 * @throws {SyntaxError} if it is none
 */
export function parseWorkVersion(text: string): WorkVersion {
  const { code, model, weights, checkpoint, build, fitted } = parseJsonObjectText(text, "the version of a queue");
  const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{1,64}$/.test(value);
  const format = WEIGHT_FORMATS.find((one) => one === weights);
  if (
    isHash(code) && isHash(checkpoint) && isHash(build) && isHash(fitted) &&
    format !== undefined && typeof model === "string" && model.length <= 200
  ) {
    return { code, model, weights: format, checkpoint, build, fitted };
  }
  throw new SyntaxError("Cannot read the version of a queue as it is malformed: start its evaluation again");
}

/** What differs between the version of work and a worker's own, in words; undefined where nothing does. */
export function versionDifference(work: WorkVersion, own: WorkVersion): string | undefined {
  const differing = (["code", "checkpoint", "build", "fitted"] as const).find((part) => work[part] !== own[part]);
  if (differing === undefined) return undefined;
  return `its ${differing} is ${work[differing].slice(0, 12)}, this one's is ${own[differing].slice(0, 12)}`;
}

let known: string | undefined;

/** sha256 over the files of `lib/` and `tasks/queue/` and the packages of deno.json, hex; read once in a process. */
export function codeHash(): string {
  if (known !== undefined) return known;
  const folders = ["../../lib/", "./"].map((folder) => hashLines(new URL(folder, import.meta.url)));
  known = textHash([JSON.stringify(settings.imports), ...folders].join("\n"));
  return known;
}

function hashLines(folder: URL, path = ""): string {
  return [...Deno.readDirSync(folder)].sort((one, other) => one.name < other.name ? -1 : 1).map((entry) => {
    const inner = path + entry.name;
    return entry.isDirectory
      ? hashLines(new URL(`${encodeURIComponent(entry.name)}/`, folder), `${inner}/`)
      : `${hashFile(fileURLToPath(new URL(encodeURIComponent(entry.name), folder)), "sha256")}  ${inner}\n`;
  }).join("");
}
