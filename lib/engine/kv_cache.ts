import type { ProbedRows } from "./attention_probe.ts";
import { checkNeeds } from "../policies/check_needs.ts";
import type { Choice, Layer, ModelFacts, Policy } from "../policies/policy.ts";
import { cachedHead, type CacheRecord, recordedNeeds } from "./cached_signals.ts";
import { checkChoice } from "./check_choice.ts";
import { chooseRows } from "./choose_rows.ts";
import type { CompressSize } from "./compress_budget.ts";
import { HeadRows } from "./head_rows.ts";
import { type ObservedNeed, observedNeeds } from "./observed_need.ts";
import type { CacheObserver, ObserveOptions } from "./observer.ts";
import { type ChunkMoments, QueryMoments } from "./query_moments.ts";
import { keyRotation } from "./rotary.ts";
import type { PastRows } from "./session.ts";
import type { AttentionTap, ChunkStart, Tap } from "./signals.ts";
import { TokenIds } from "./token_ids.ts";

/**
 * Where rows stand after an eviction. `logical`: keys keep their rotation and the next token its place in the text.
 * `compact`: the gaps close, keys are rotated anew, and the next token follows the longest head's last row.
 */
export type PositionMode = "logical" | "compact";

/** Where rows come one by one, room for this many more is made at a time. */
const GROWTH_ROWS = 63;

/** How much {@linkcode KvCache.compress} keeps, and where rows then stand. */
export type CompressTo = CompressSize & { readonly positions?: PositionMode };

/** What a cache must know of its model. */
export interface CacheShape extends ModelFacts {
  /** KV heads per layer. */
  readonly kvHeadCount: number;
}

/**
 * The live cache of one sequence: rows per layer and kv head, of a number of their own, in buffers that shrink when
 * rows go. `fork` shares them until either side changes.
 *
 * @example Compress to a quarter and see what is left
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const cache = await model.prefill("It was a dark and stormy night; the rain fell in torrents.");
 * cache.compress(policy("hybrid"), { compressionRatio: 0.75 });
 * cache.liveBytes;
 * ```
 */
export class KvCache implements Disposable {
  /** The model's shape, as far as the cache goes. */
  readonly shape: CacheShape;
  /** The attention this cache records while tokens are read. */
  readonly taps: readonly AttentionTap[];
  /** Whether it records the moments of the queries as well. */
  readonly queryMoments: "record" | "skip";
  readonly #observer?: CacheObserver;
  #heads: HeadRows[];
  #ids = new TokenIds();
  #moments?: { readonly own: QueryMoments; shared: boolean };
  #positions: PositionMode = "logical";

  /** Makes an empty cache; {@linkcode Model.prefill} is how users come by one. */
  constructor(shape: CacheShape, taps: readonly Tap[] = [], observer?: CacheObserver) {
    this.shape = shape;
    this.taps = taps.filter((tap) => tap !== "moments");
    this.queryMoments = taps.includes("moments") ? "record" : "skip";
    this.#observer = observer;
    this.#heads = Array.from(
      { length: shape.layerCount * shape.kvHeadCount },
      () => new HeadRows(shape.headDim, this.taps.length),
    );
  }

  /** Tokens read so far, evicted or not: the next token's place in the text. */
  get tokenCount(): number {
    return this.#ids.length;
  }

  /** Where rows stand; see {@linkcode PositionMode}. */
  get positions(): PositionMode {
    return this.#positions;
  }

  /** The rotary position that the next token gets. */
  get nextRotaryPosition(): number {
    return this.#positions === "logical" ? this.tokenCount : this.longestHead;
  }

  /** Rows of the longest head. */
  get longestHead(): number {
    return this.#heads.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** Rows × head_dim × 2 × 4 bytes, over all layers and heads. */
  get liveBytes(): number {
    return this.#heads.reduce((sum, { length }) => sum + length, 0) * this.bytesPerRow;
  }

  /** What the key and value buffers hold, in bytes, shared ones included. */
  get allocatedBytes(): number {
    return this.#heads.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  }

  /** What the cache would hold had nothing been evicted, in bytes. */
  get fullBytes(): number {
    return this.tokenCount * this.#heads.length * this.bytesPerRow;
  }

  /** A key and a value in float32, in bytes. */
  get bytesPerRow(): number {
    return this.shape.headDim * 2 * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Number of live rows of one kv head. */
  rowCount(layer: number, kvHead: number): number {
    return this.#head(layer, kvHead).length;
  }

  /** Positions in the text of one kv head's rows, ascending: `[rows]`, a copy. */
  rowPositions(layer: number, kvHead: number): Int32Array {
    const head = this.#head(layer, kvHead);
    return head.positions.slice(0, head.length);
  }

  /** Live and allocated bytes of one kv head. */
  headBytes(layer: number, kvHead: number): { live: number; allocated: number } {
    const head = this.#head(layer, kvHead);
    return { live: head.length * this.bytesPerRow, allocated: head.allocatedBytes };
  }

  /** A second cache with the same rows. Buffers are shared until one of the two changes them. */
  fork(): KvCache {
    const taps: Tap[] = [...this.taps, ...(this.queryMoments === "record" ? ["moments"] as const : [])];
    const fork = new KvCache(this.shape, taps, this.#observer);
    fork.#heads = this.#heads.map((head) => head.share());
    fork.#ids = this.#ids;
    if (this.#moments !== undefined) {
      this.#moments.shared = true;
      fork.#moments = { own: this.#moments.own, shared: true };
    }
    fork.#positions = this.#positions;
    return fork;
  }

  /** The cache as policies see it. The views hold until the cache changes. */
  layers(): Layer[] {
    const { layerCount, kvHeadCount } = this.shape;
    return Array.from({ length: layerCount }, (_, index) => ({
      index,
      model: this.shape,
      heads: this.#heads.slice(index * kvHeadCount, (index + 1) * kvHeadCount)
        .map((rows, kvHead) => cachedHead(rows, this.#record(), index, kvHead)),
    }));
  }

  /**
   * Evicts rows: the policy chooses, the buffers shrink.
   *
   * @throws {TypeError} if the policy needs a signal that was not recorded or observed
   * @throws {RangeError} if the ratio, rows or bytes cannot be met, or the policy's choice is no valid one
   */
  compress(policy: Policy, to: CompressTo): void {
    const unseen = observedNeeds(policy).find((need) => !this.#heads[0].observed.has(need));
    if (unseen !== undefined) {
      throw new TypeError(
        `Cannot compress with ${policy.name} as it needs ${unseen}, which reading does not record: ` +
          `call "await cache.observe(policy)" first`,
      );
    }
    checkNeeds(policy, recordedNeeds(this.#record(), this.#heads[0]), "this cache");
    this.keep(chooseRows(policy, this.layers(), to, this.bytesPerRow), to.positions, policy.name);
  }

  /**
   * Takes the further look at the cache that a policy needs and reading does not record: KVzip's repetition of the
   * text, the norms of what values write. Rows stay as they are; policies that need no such look cost nothing.
   *
   * @throws {TypeError} if the cache belongs to no model
   * @throws {RangeError} if a repetition of the text does not fit the model's context
   */
  async observe(policy: Pick<Policy, "name" | "needs">, options: ObserveOptions = {}): Promise<void> {
    const missing = observedNeeds(policy).filter((need) => !this.#heads[0].observed.has(need));
    if (missing.length === 0) return;
    if (this.#observer === undefined) {
      throw new TypeError(`Cannot observe ${missing[0]} for ${policy.name} as this cache belongs to no model`);
    }
    for (const need of missing) this.#note(need, await this.#observer(this, need, options));
  }

  /** Ids of the tokens read so far, from `start` to before `end`: a copy. */
  tokenIds(start?: number, end?: number): number[] {
    return this.#ids.slice(start, end);
  }

  /**
   * Keeps just the chosen rows, and changes to a position mode if one is given.
   *
   * @param by who chose, for messages
   * @throws {RangeError} if rows are not ascending, unique and in range; names layer, head and row
   */
  keep(choice: Choice, positions: PositionMode = this.#positions, by = "this choice"): void {
    checkChoice(choice, this.layers(), by);
    const rotary = positions === this.#positions && positions === "logical" ? undefined : this.#rotaryPositions();
    const flat = choice.flat();
    this.#heads = this.#heads.map((head, index) =>
      flat[index].rows.length === head.length ? head : head.keep(flat[index].rows)
    );
    this.#positions = positions;
    if (rotary !== undefined) {
      this.#rotate(rotary.map((old, index) => Int32Array.from(flat[index].rows, (row) => old[row])));
    }
  }

  /** All rows as the decoder takes them, `[layer · kv heads + kv head]`. */
  past(): PastRows[] {
    return this.#heads.map((head) => ({ keys: head.liveKeys(), values: head.liveValues() }));
  }

  /** All rows as an attention probe takes them, `[layer · kv heads + kv head]`. The views hold until the cache changes. */
  probedRows(): ProbedRows[] {
    const rotary = this.#rotaryPositions();
    return this.#heads.map((head, index) => ({
      keys: head.liveKeys(),
      values: head.liveValues(),
      positions: head.positions.subarray(0, head.length),
      rotaryPositions: rotary[index],
    }));
  }

  /** Makes room for `count` further rows in every head, so that appending them moves nothing. */
  reserve(count: number): void {
    this.#heads = this.#heads.map((head) => head.own(head.length + count));
  }

  /**
   * Appends the rows of new tokens and what the taps recorded.
   *
   * @param newKeys `[layers · kv heads, S, head_dim]`, as are `newValues`
   * @param attention for each head in turn `[taps, rows]`, its taps strided by the sum over all heads; empty: not recorded
   * @param chunk whether taps of the newest queries begin anew: all of them, or one word a tap
   * @param moments of the chunk's queries, by layer
   */
  append(
    ids: ArrayLike<number>,
    newKeys: Float32Array,
    newValues: Float32Array,
    attention: Float32Array,
    chunk: ChunkStart | readonly ChunkStart[],
    moments?: readonly ChunkMoments[],
  ): void {
    const size = newKeys.length / this.#heads.length;
    const count = size / this.shape.headDim;
    const stride = this.#heads.reduce((sum, { length }) => sum + length + count, 0);
    let offset = 0;
    this.#heads = this.#heads.map((shared, index) => {
      const head = shared.own(shared.length + count, count === 1 ? GROWTH_ROWS : 0);
      const part = (values: Float32Array) => values.subarray(index * size, (index + 1) * size);
      head.append(part(newKeys), part(newValues), this.tokenCount);
      if (attention.length > 0) this.#accumulate(head, attention, stride, offset, count, chunk);
      offset += head.length;
      return head;
    });
    this.#ids = this.#ids.with(ids);
    if (moments === undefined) return;
    if (this.#moments === undefined || this.#moments.shared) {
      this.#moments = { own: new QueryMoments(this.shape, this.#moments?.own), shared: false };
    }
    this.#moments.own.add(moments);
  }

  /** Lets go of all rows; buffers that no fork shares are freed at once. */
  [Symbol.dispose](): void {
    for (const head of this.#heads) head.release();
    this.#heads = this.#heads.map(() => new HeadRows(this.shape.headDim, this.taps.length));
  }

  #head(layer: number, kvHead: number): HeadRows {
    const { layerCount, kvHeadCount } = this.shape;
    if (!(layer >= 0 && layer < layerCount && kvHead >= 0 && kvHead < kvHeadCount)) {
      throw new RangeError(
        `Cannot read layer ${layer}, kv head ${kvHead} as there are ${layerCount} layers of ${kvHeadCount} kv heads`,
      );
    }
    return this.#heads[layer * kvHeadCount + kvHead];
  }

  #rotaryPositions(): Int32Array[] {
    const longest = this.longestHead;
    return this.#heads.map(({ positions, length }) =>
      this.#positions === "logical"
        ? positions.slice(0, length)
        : Int32Array.from({ length }, (_, row) => longest - length + row)
    );
  }

  /** Rotates every key from where it stood to where it stands now. */
  #rotate(old: readonly Int32Array[]): void {
    const rotate = keyRotation(this.shape);
    const now = this.#rotaryPositions();
    this.#heads = this.#heads.map((shared, index) => {
      if (now[index].every((position, row) => position === old[index][row])) return shared;
      const head = shared.own();
      now[index].forEach((position, row) => {
        const key = head.keys.subarray(row * head.headDim, (row + 1) * head.headDim);
        rotate(key, position - old[index][row]);
      });
      return head;
    });
  }

  #record(): CacheRecord {
    return { taps: this.taps, tokenCount: this.tokenCount, moments: this.#moments?.own };
  }

  #note(need: ObservedNeed, values: readonly Float32Array[]): void {
    this.#heads = this.#heads.map((shared, index) => {
      const head = shared.own();
      head.observed = new Map([...head.observed, [need, values[index]]]);
      return head;
    });
  }

  #accumulate(
    head: HeadRows,
    attention: Float32Array,
    stride: number,
    offset: number,
    count: number,
    chunk: ChunkStart | readonly ChunkStart[],
  ): void {
    this.taps.forEach((tap, index) => {
      const recorded = head.taps[index];
      const from = index * stride + offset;
      const start = typeof chunk === "string" ? chunk : chunk[index];
      // What was seen before counts as it did, for less, or no more.
      const earlier = typeof tap === "object" ? tap.decay ** count : tap === "all" || start === "further" ? 1 : 0;
      for (let row = 0; row < head.length; row++) recorded[row] = recorded[row] * earlier + attention[from + row];
    });
  }
}
