/**
 * The ids of a text's tokens, immutable. Forks share the buffer until one of them appends where another has appended.
 */
export class TokenIds {
  /** Ids read so far. */
  readonly length: number;
  readonly #buffer: { ids: Int32Array; used: number };

  constructor(length = 0, buffer: { ids: Int32Array; used: number } = { ids: new Int32Array(0), used: 0 }) {
    this.length = length;
    this.#buffer = buffer;
  }

  /** A longer text: these ids and further ones. */
  with(ids: ArrayLike<number>): TokenIds {
    const end = this.length + ids.length;
    const mine = this.#buffer.used === this.length && this.#buffer.ids.length >= end;
    const buffer = mine ? this.#buffer : { ids: new Int32Array(end + (end >> 1)), used: 0 };
    if (!mine) buffer.ids.set(this.#buffer.ids.subarray(0, this.length));
    buffer.ids.set(ids, this.length);
    buffer.used = end;
    return new TokenIds(end, buffer);
  }

  /** A shorter text: the ids before `end`. */
  upTo(end: number): TokenIds {
    return new TokenIds(Math.min(end, this.length), this.#buffer);
  }

  /** Ids from `start` to before `end`, a copy. */
  slice(start = 0, end = this.length): number[] {
    return [...this.#buffer.ids.subarray(start, Math.min(end, this.length))];
  }
}
