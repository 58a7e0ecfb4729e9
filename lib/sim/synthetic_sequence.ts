import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import { MersenneTwister } from "../numeric/mersenne_twister.ts";

/** A token's part in a synthetic sequence; `SyntheticSequence.roles` holds indices into this list. */
export const ROLES = ["sink", "anchor", "boilerplate", "content"] as const;

const [SINK, ANCHOR, BOILERPLATE, CONTENT] = ROLES.keys();

/** The longest sequence: 2^24, past every model's context and the most entries a `Set` holds. */
const MAX_SEQUENCE_LENGTH = 2 ** 24;

/** What a synthetic sequence is drawn from. */
export interface SyntheticSequenceOptions {
  /** Tokens, 4,096 by default. */
  readonly sequenceLength?: number;
  /** Any whole number, 42 by default; its sign does not count. */
  readonly seed?: number | bigint;
  /** First tokens of the text that are sinks, 16 by default. */
  readonly sinkTokens?: number;
  /** Every how many tokens a heavy hitter stands, 128 by default. */
  readonly heavyHitterStride?: number;
}

const SYNTHETIC_SEQUENCE_OPTIONS: OptionNames<SyntheticSequenceOptions> = {
  sequenceLength: true,
  seed: true,
  sinkTokens: true,
  heavyHitterStride: true,
};

/** Tokens as columns. */
export interface SyntheticSequence {
  /** Tokens in the sequence. */
  readonly length: number;
  /** First tokens that are sinks; may pass `length`. */
  readonly sinkTokens: number;
  /** Indices into {@linkcode ROLES}, `[tokens]`. */
  readonly roles: Uint8Array<ArrayBuffer>;
  /** Attention received, `[tokens]`. */
  readonly attention: Float64Array<ArrayBuffer>;
  /** How little a token repeats, in [0, 1], `[tokens]`. */
  readonly novelty: Float64Array<ArrayBuffer>;
}

/**
 * Draws the original's synthetic sequence (github.com/0xAshraFF/KVMirror), bit for bit: sinks, an anchor every
 * `heavyHitterStride` tokens, repeated boilerplate and content, each with its attention and novelty.
 *
 * @throws {RangeError} if a number is not whole, negative, or the length passes {@linkcode MAX_SEQUENCE_LENGTH}
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ROLES, syntheticSequence } from "kvmirror";
 *
 * const { attention, roles } = syntheticSequence({ sequenceLength: 1024, seed: 42 });
 * assertEquals([ROLES[roles[0]], attention[0]], ["sink", 1.7025010755222667]);
 * ```
 */
export function syntheticSequence(
  options: SyntheticSequenceOptions = {},
): SyntheticSequence {
  checkOptions("syntheticSequence", options, SYNTHETIC_SEQUENCE_OPTIONS);
  const { sequenceLength = 4096, seed = 42, sinkTokens = 16, heavyHitterStride = 128 } = options;
  checkWhole("length", sequenceLength, 0, MAX_SEQUENCE_LENGTH);
  checkWhole("sink tokens", sinkTokens, 0);
  checkWhole("heavy-hitter stride", heavyHitterStride, 1);
  const stream = new MersenneTwister(seed);
  const roles = new Uint8Array(sequenceLength);
  const attention = new Float64Array(sequenceLength);
  const novelty = new Float64Array(sequenceLength);
  for (let index = 0; index < sequenceLength; index++) {
    const isSink = index < sinkTokens;
    const isHeavyHitter = index % heavyHitterStride === 0;
    const role = isSink ? SINK : isHeavyHitter ? ANCHOR : index % 11 < 4 ? BOILERPLATE : CONTENT;
    roles[index] = role;

    novelty[index] = 0.2 + stream.random() * 0.6;
    if (role === BOILERPLATE) novelty[index] *= 0.35;
    else if (role === ANCHOR) novelty[index] = Math.min(1, novelty[index] + 0.3);

    const recency = index / Math.max(1, sequenceLength - 1);
    // The order of these sums decides the last bit.
    let base = 0.1 + 0.4 * recency;
    if (isSink) base += 0.7;
    if (isHeavyHitter) base += 0.9;
    if (role === ANCHOR) base += 0.35;
    else if (role === BOILERPLATE) base -= 0.18;
    attention[index] = Math.max(0, base + stream.random() * 0.1);
  }
  return { length: sequenceLength, sinkTokens, roles, attention, novelty };
}

function checkWhole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const limit = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`Cannot draw a sequence with ${name} ${value} as it must be a whole number ${limit}`);
}
