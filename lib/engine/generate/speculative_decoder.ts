import { applyBound, type Bound, roomUnder } from "../cache/bound.ts";
import type { KvCache } from "../cache/kv_cache.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { CHUNK_LENGTH, type ReadOptions } from "./read_tokens.ts";

/**
 * Proposes the answer's next tokens after those generated so far; an empty list proposes none. The model checks a draft
 * in the run that it makes anyway, and accepts the tokens that it would have generated itself.
 *
 * @param before all tokens before the answer: the text with its evicted tokens, and the question
 */
export type Draft = (generated: readonly number[], before: readonly number[]) => readonly number[];

/** Reads tokens into a cache: {@linkcode Model.read}. */
type Read = (ids: readonly number[], options: Pick<ReadOptions, "logitsOf" | "evict">) => Promise<Float32Array>;

/** What a {@linkcode SpeculativeDecoder} decodes with. */
export interface Decoding {
  /** The cache that is read into. */
  readonly cache: KvCache;
  /** Reads into it, within the bound. */
  readonly readNext: Read;
  /** Who drafts; undefined where nothing may be drafted. */
  readonly draft: Draft | undefined;
  /** The bound that the cache stays within. */
  readonly bound: Bound | undefined;
  /** The model's. */
  readonly config: ModelConfig;
}

/**
 * Greedy decoding that checks several drafted tokens in one run (Leviathan et al. 2023,
 * https://arxiv.org/abs/2211.17192). Under a bound a draft ends where the next eviction is due, so that rows are evicted
 * after the same tokens, whatever was drafted.
 */
export class SpeculativeDecoder {
  readonly #cache: KvCache;
  readonly #read: Read;
  readonly #draft: Draft | undefined;
  readonly #bound: Bound | undefined;
  readonly #config: ModelConfig;
  #before: readonly number[] | undefined;
  /** Drafted tokens that the cache has read beyond the answer, and the logits after each. */
  #ahead: { readonly ids: readonly number[]; readonly logits: Float32Array } = { ids: [], logits: new Float32Array(0) };

  constructor({ cache, readNext, draft, bound, config }: Decoding) {
    this.#cache = cache;
    this.#read = readNext;
    // Where every token is followed by an eviction, none can be drafted.
    this.#draft = bound?.compressionInterval === 1 ? undefined : draft;
    this.#bound = bound;
    this.#config = config;
  }

  /** Whether the model's context has no position left for a token that is not drafted. */
  get full(): boolean {
    const { nextRotaryPosition, shape: { rotaryBeyond }, rotation } = this.#cache;
    const position = nextRotaryPosition - this.#ahead.ids.length;
    if (position >= this.#config.maxPositionEmbeddings) return true;
    if (rotaryBeyond === undefined || rotation === "beyond" || position < rotaryBeyond.length) return false;
    // What was read as a shorter text is read again as a longer one, unless rows are gone.
    const [{ first }, ...more] = this.#cache.rewindRanges;
    return rotaryBeyond.rotary === undefined || first > 0 || more.length > 0;
  }

  /**
   * Reads tokens, and a draft of the next ones.
   *
   * @param generated the answer so far
   * @param most the most tokens of a draft that the answer can take
   * @returns the logits after the last of `ids`, `[vocab]`
   */
  async next(ids: readonly number[], generated: readonly number[], most: number): Promise<Float32Array> {
    const { vocabSize } = this.#config;
    const { ids: known, logits } = this.#ahead;
    if (known.length > 0 && ids.length === 1 && ids[0] === known[0]) {
      this.#ahead = { ids: known.slice(1), logits: logits.subarray(vocabSize) };
      this.#cache.markDraft(known.length - 1);
      return logits.subarray(0, vocabSize);
    }
    this.settle();
    const room = this.#roomBehind(ids, generated);
    const drafted = this.#drafted(ids, generated, Math.min(most, room));
    const end = this.#cache.tokenCount + ids.length;
    const options = { logitsOf: 1 + drafted.length, evict: drafted.length > 0 ? "later" : "now" } as const;
    const found = await this.#read([...ids, ...drafted], options).catch((error) => {
      this.#takeBack(end);
      throw error;
    });
    this.#ahead = { ids: drafted, logits: found.subarray(vocabSize) };
    this.#cache.markDraft(drafted.length);
    if (room < drafted.length) this.settle(); // An eviction comes before the token that fills the run.
    return found.subarray(0, vocabSize);
  }

  /** Rewinds the cache by the drafted tokens that the answer did not take, and evicts if that is due. */
  settle(): void {
    const { length } = this.#ahead.ids;
    this.#ahead = { ids: [], logits: new Float32Array(0) };
    this.#takeBack(this.#cache.tokenCount - length);
    if (this.#draft !== undefined && this.#bound !== undefined) applyBound(this.#cache, this.#bound);
  }

  /** Tokens behind these that can be read before the bound evicts; 0 behind a question, in which it may. */
  #roomBehind(ids: readonly number[], generated: readonly number[]): number {
    if (this.#bound === undefined) return Infinity;
    return generated.length === 0 ? 0 : roomUnder(this.#cache, this.#bound) - ids.length;
  }

  #drafted(ids: readonly number[], generated: readonly number[], most: number): readonly number[] {
    if (this.#draft === undefined) return [];
    this.#before ??= [...this.#cache.tokenIds(), ...ids];
    if (this.#bound !== undefined && generated.length === 0) return [];
    const drafted = this.#draft(generated, this.#before).slice(0, Math.max(0, most));
    const room = positionsLeft(this.#config, this.#cache) - ids.length;
    // A run of one token adds in another order: a run of two or more, at every step, keeps answers free of the draft.
    const alone = (ids.length + drafted.length) % CHUNK_LENGTH === 1;
    return (alone ? [...drafted, ids[0]] : drafted).slice(0, Math.max(0, room));
  }

  #takeBack(position: number): void {
    if (this.#cache.tokenCount > position) this.#cache.rewind(position);
  }
}

/** Positions that a draft may take: one that is not taken must not make a longer text of it. */
function positionsLeft(
  { maxPositionEmbeddings }: ModelConfig,
  { nextRotaryPosition, shape, rotation }: KvCache,
): number {
  const length = rotation === "within" ? shape.rotaryBeyond?.length ?? Infinity : Infinity;
  return Math.min(maxPositionEmbeddings, length) - nextRotaryPosition;
}
