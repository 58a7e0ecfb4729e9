import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Policy } from "./policy.ts";

/** Options of {@linkcode random}, with their defaults. */
export const RANDOM_OPTIONS = {
  /** Another seed, another draw. */
  seed: 0,
  /** The first tokens of the text, which stay. A floor that protects them as other policies do is fairer. */
  sinkTokens: 0,
} as const;

/**
 * Keeps rows drawn at random, each head its own: the floor in every table. A row's score is a hash of its seed, layer,
 * head and position, so a draw depends on nothing that happened before.
 */
export function random(options: OptionsOf<typeof RANDOM_OPTIONS> = {}): Policy {
  const { seed, sinkTokens } = withDefaults("random", RANDOM_OPTIONS, options);
  checkCounts("random", { seed, sinkTokens });
  return definePolicy({
    name: "random",
    signals: [],
    score: ({ index, heads }) =>
      heads.map(({ positions }, kvHead) =>
        Float64Array.from(positions, (position) => hash([seed, index, kvHead, position]) / 2 ** 32)
      ),
    protect: { sinks: sinkTokens },
  });
}

/** Mixes words into 32 bits with the finalizer of MurmurHash3 (Appleby, 2011). */
function hash(words: readonly number[]): number {
  let mixed = 0x9e3779b9;
  for (const word of words) {
    mixed = Math.imul(mixed ^ word, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
  }
  return mixed >>> 0;
}
