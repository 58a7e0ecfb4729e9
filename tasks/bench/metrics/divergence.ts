import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { mobyDick } from "kvmirror/eval";
import { divergence } from "../../../lib/metrics/divergence.ts";
import { likeliest } from "../../../lib/engine/generate/sampling.ts";
import { createTokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { createProgress } from "../../cli/progress.ts";
import { askOnce } from "../workers/system_process.ts";
import type { Launch } from "../workers/systems.ts";
import { noteVersion, type RunContext } from "./run_context.ts";

/** Tokens of a text that are judged; a model of a shorter context is judged on what it has room for. */
const JUDGED_TOKENS = 1000;

/** Characters that hold the tokens for certain, twice over. */
const CHARACTERS_A_TOKEN = 10;

/** Tokens whose logits are compared at once. */
const COMPARED_TOKENS = 64;

/** What one system's logits say beside another's. */
export interface Divergence {
  /** Mean over the tokens of the KL divergence from the reference, in nats. */
  readonly kl: number;
  /** Share of the tokens after which both hold the same token likeliest. */
  readonly top1: number;
}

/**
 * What each system's predictions lose: `kl` and `kl_top1` after each token of the beginning of Moby-Dick, the same ids
 * for all, each token predicted from the true ones before it. No time is taken, so once is enough.
 *
 * @param reference the system whose predictions count as right
 */
export async function measureDivergence(
  launches: readonly Launch[],
  reference: Launch,
  model: ResolvedModel,
  run: RunContext,
): Promise<void> {
  const { rows, signal } = run;
  const { ids, vocabSize } = await judgedText(model);
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-bench-" });
  const progress = createProgress("systems judged");
  try {
    const expected = `${folder}/reference`;
    const truth = await askOnce(reference, { measure: "logits", ids, path: expected }, signal);
    if ("reason" in truth) {
      throw new Error(`Cannot judge predictions by ${reference.system} as ${truth.reason}: its message is above`);
    }
    const against = `${reference.system} ${truth.version}`;
    for (const [index, launch] of launches.entries()) {
      const series = (metric: string, unit: string) => (
        { system: launch.system, metric, context: ids.length, unit, against }
      );
      const [kl, top1] = [series("kl", "nats/token"), series("kl_top1", "share")];
      const actual = `${folder}/system`;
      const answer = await askOnce(launch, { measure: "logits", ids, path: actual }, signal);
      if ("reason" in answer) {
        for (const each of [kl, top1]) rows.miss(each, answer.reason);
      } else {
        noteVersion(run, launch.system, answer.version);
        const found = await compareLogits(expected, actual, { tokens: ids.length, vocabSize });
        rows.add(kl, found.kl);
        rows.add(top1, found.top1);
      }
      await rows.step();
      progress.update(index + 1, launches.length);
    }
  } finally {
    progress.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function judgedText({ path }: ResolvedModel): Promise<{ ids: number[]; vocabSize: number }> {
  using checkpoint = await readCheckpoint(path);
  const { maxPositionEmbeddings, vocabSize } = checkpoint.config;
  const text = mobyDick().join("\n").slice(0, CHARACTERS_A_TOKEN * JUDGED_TOKENS);
  const ids = createTokenizer(checkpoint.tokenizer).encode(text);
  return { ids: ids.slice(0, Math.min(JUDGED_TOKENS, maxPositionEmbeddings)), vocabSize };
}

/**
 * Compares two files of float32 logits, `[tokens, vocab]`, little-endian, a few tokens at a time.
 *
 * @throws {RangeError} if a file is of another size, or holds what is no number
 */
export async function compareLogits(
  expected: string,
  actual: string,
  { tokens, vocabSize }: { readonly tokens: number; readonly vocabSize: number },
): Promise<Divergence> {
  for (const path of [expected, actual]) {
    const { size } = await Deno.stat(path);
    if (size === 4 * tokens * vocabSize) continue;
    throw new RangeError(
      `Cannot compare logits as there are ${size} bytes of them where ${tokens} × ${vocabSize} float32 are expected`,
    );
  }
  using files = new DisposableStack();
  const [right, said] = [expected, actual].map((path) => files.use(Deno.openSync(path)));
  let [kl, same] = [0, 0];
  for (let start = 0; start < tokens; start += COMPARED_TOKENS) {
    const count = Math.min(COMPARED_TOKENS, tokens - start);
    const [truth, own] = [right, said].map((file) => readFloats(file, count * vocabSize));
    for (let token = 0; token < count; token++) {
      const [one, other] = [truth, own].map((of) => of.subarray(token * vocabSize, (token + 1) * vocabSize));
      kl += divergence(one, other);
      if (likeliest(one) === likeliest(other)) same++;
    }
  }
  if (!Number.isFinite(kl)) throw new RangeError("Cannot compare logits as some are no finite numbers");
  return { kl: kl / tokens, top1: same / tokens };
}

function readFloats(file: Deno.FsFile, count: number): Float32Array {
  const bytes = new Uint8Array(4 * count);
  for (let read = 0; read < bytes.length;) read += file.readSync(bytes.subarray(read))!;
  return new Float32Array(bytes.buffer);
}
