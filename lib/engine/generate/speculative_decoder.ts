import type { KvCache } from "../cache/kv_cache.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { CHUNK_LENGTH, type ReadOptions } from "./read_tokens.ts";

/**
 * What an answer probably goes on with after the tokens generated so far; none where nothing is known. A model reads a
 * draft in one run beside what it reads anyway, and takes as much of it as it would have said itself.
 *
 * @param before the tokens that the answer follows, evicted ones and the question among them
 */
export type Draft = (generated: readonly number[], before: readonly number[]) => readonly number[];

/** Reads tokens into a cache: {@linkcode Model.read}. */
type Read = (ids: readonly number[], options: Pick<ReadOptions, "logitsOf">) => Promise<Float32Array>;

/** Decodes with drafts: greedy decoding that checks several tokens in one run (Leviathan et al. 2023, arXiv:2211.17192). */
export class SpeculativeDecoder {
  readonly #cache: KvCache;
  readonly #read: Read;
  readonly #draft: Draft | undefined;
  readonly #config: ModelConfig;
  #before: readonly number[] | undefined;
  /** Tokens that the cache has read and the answer has not reached, and the logits after each. */
  #ahead: { readonly ids: readonly number[]; readonly logits: Float32Array } = { ids: [], logits: new Float32Array(0) };

  constructor(cache: KvCache, read: Read, draft: Draft | undefined, config: ModelConfig) {
    this.#cache = cache;
    this.#read = read;
    this.#draft = draft;
    this.#config = config;
  }

  /**
   * Goes on by some tokens.
   *
   * @param generated the answer so far
   * @param most tokens of a draft that may be of use
   * @returns logits for what follows, `[vocab]`
   */
  async next(ids: readonly number[], generated: readonly number[], most: number): Promise<Float32Array> {
    const { vocabSize } = this.#config;
    const { ids: known, logits } = this.#ahead;
    if (known.length > 0 && ids.length === 1 && ids[0] === known[0]) {
      this.#ahead = { ids: known.slice(1), logits: logits.subarray(vocabSize) };
      return logits.subarray(0, vocabSize);
    }
    this.settle();
    const guessed = this.#guess(ids, generated, most);
    const end = this.#cache.tokenCount + ids.length;
    const found = await this.#read([...ids, ...guessed], { logitsOf: 1 + guessed.length }).catch((error) => {
      this.#takeBack(end);
      throw error;
    });
    this.#ahead = { ids: guessed, logits: found.subarray(vocabSize) };
    return found.subarray(0, vocabSize);
  }

  /** Takes back what was read of a draft that the answer did not follow. */
  settle(): void {
    const { length } = this.#ahead.ids;
    this.#ahead = { ids: [], logits: new Float32Array(0) };
    this.#takeBack(this.#cache.tokenCount - length);
  }

  #guess(ids: readonly number[], generated: readonly number[], most: number): readonly number[] {
    if (this.#draft === undefined) return [];
    this.#before ??= [...this.#cache.tokenIds(), ...ids];
    const drafted = this.#draft(generated, this.#before).slice(0, Math.max(0, most));
    const room = this.#config.maxPositionEmbeddings - this.#cache.nextRotaryPosition - ids.length;
    // A token that a run reads by itself is added up in another order: with one beside it, no draft changes an answer.
    const alone = (ids.length + drafted.length) % CHUNK_LENGTH === 1;
    return (alone ? [...drafted, ids[0]] : drafted).slice(0, Math.max(0, room));
  }

  #takeBack(position: number): void {
    if (this.#cache.tokenCount > position) this.#cache.rewind(position);
  }
}
