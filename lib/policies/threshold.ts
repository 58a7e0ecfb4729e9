import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Layer, Policy, Scores } from "./policy.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode threshold}, with their defaults. */
export const THRESHOLD_OPTIONS = {
  /** The lowest score that stays; the default is for `attention_probe`, whose scores are logarithms of attention. */
  threshold: -4,
  /** The newest rows of each head, which stay. */
  windowSize: 128,
} as const;

/**
 * Evicts the rows whose score is below a threshold once they leave the window of the newest: how much stays is the text's
 * doing, and no budget is followed. Dynamic Memory Sparsification (Łańcucki et al. 2025, https://arxiv.org/abs/2506.05345)
 * as kvpress has it for any scores, at the end of a prefill; DMS itself learns when to evict. KVzap (2026,
 * https://arxiv.org/abs/2601.07891) is such a threshold on predicted attention.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} from `choose`, if no row outside of the protected ones reaches the threshold
 *
 * @example The higher the threshold, the more goes
 * ```ts
 * import { assert } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * using cache = await model.prefill("The rain fell in torrents on the harbour. ".repeat(20));
 * const text = cache.fullBytes;
 * cache.compress(policy("threshold(keydiff, threshold=-0.5)"), { compressionRatio: 0 });
 * assert(cache.liveBytes < text);
 * ```
 */
export function threshold(policy: Policy, options: OptionsOf<typeof THRESHOLD_OPTIONS> = {}): Policy {
  const { threshold: least, windowSize } = withDefaults("threshold", THRESHOLD_OPTIONS, options);
  checkCounts("threshold", { windowSize });
  const definition = scorerOf(policy, "threshold");
  const { sinks = 0, recent = 0 } = definition.protect ?? {};
  const window = Math.max(windowSize, recent);
  const name = `threshold(${definition.name})`;
  return definePolicy({
    ...definition,
    name,
    paper: "Łańcucki et al. 2025, https://arxiv.org/abs/2506.05345",
    size: "own",
    protect: { sinks, recent: window },
    allocate: (scores, _, layers) => {
      const counts = layers.map((layer, index) => rowsThatReach(least, layer, scores[index], { sinks, window }));
      checkSomeStay(counts, { name, least });
      return counts.map((heads) => Uint32Array.from(heads, ({ reach, safe }) => reach + safe));
    },
  });
}

/** Rows of one head: the protected, and of the others all, those that reach the threshold, and the highest score. */
interface Reached {
  readonly safe: number;
  readonly others: number;
  readonly reach: number;
  readonly highest: number;
}

function rowsThatReach(
  least: number,
  { heads }: Layer,
  scores: Scores,
  { sinks, window }: { readonly sinks: number; readonly window: number },
): Reached[] {
  return heads.map(({ positions }, kvHead) => {
    let [safe, reach, highest] = [0, 0, -Infinity];
    scores[kvHead].forEach((score, row) => {
      if (positions[row] < sinks || row >= positions.length - window) return void safe++;
      if (score >= least) reach++;
      highest = Math.max(highest, score);
    });
    return { safe, others: positions.length - safe, reach, highest };
  });
}

/** Refuses a threshold above every score: what it leaves is the window, which no score chose. */
function checkSomeStay(
  counts: readonly (readonly Reached[])[],
  { name, least }: { readonly name: string; readonly least: number },
): void {
  const heads = counts.flat();
  if (heads.every(({ others }) => others === 0) || heads.some(({ reach }) => reach > 0)) return;
  const highest = heads.reduce((most, head) => Math.max(most, head.highest), -Infinity);
  throw new RangeError(
    `Cannot evict by threshold ${least} of ${name} as it would evict every row that is not protected: ` +
      `the highest score is ${Number(highest.toPrecision(4))}, give at most that`,
  );
}
