import type { Choice, Layer, Policy, Signal } from "../../policies/policy.ts";
import { checkChoice } from "../../policies/policy_rules.ts";
import { chooseBesidePins } from "../choose/beside_pins.ts";
import type { CompressSize } from "../choose/choose_rows.ts";
import type { CacheDtype } from "../rows/cache_dtype.ts";
import type { CacheOwner, CacheShape } from "../rows/cache_shape.ts";
import type { HeadRows, ProbedRows, RowViews, RunRows } from "../rows/head_rows.ts";
import { addRange, checkRange, type PositionRange, removeRange } from "../rows/position_range.ts";
import type { PositionMode } from "../rows/rotary_positions.ts";
import { floatRowBytes, type RowBytes, rowBytes } from "../rows/row_bytes.ts";
import {
  type AttentionRecording,
  checkCachedSignals,
  type ChunkStart,
  type ObservedSignal,
  observedSignals,
  type Recording,
} from "../signals/signals.ts";
import { cachedLayers, type CacheRecord, recordedSignals } from "./cached_signals.ts";
import { saveCache } from "./file/encode.ts";
import { appendChunk } from "./state/append.ts";
import {
  type CacheState,
  emptyState,
  headAt,
  noteObserved,
  probedRows,
  releasedState,
  rowRoom,
  sharedState,
} from "./state/cache_state.ts";
import { keepRows } from "./state/evict.ts";
import { quantizeRows } from "./state/quantize_rows.ts";
import type { ChunkMoments } from "./state/query_moments.ts";
import { type RewindRange, rewindRanges, rewindState } from "./state/rewind.ts";
import { markSignals } from "./state/signal_mark.ts";

/** How much {@linkcode KvCache.compress} keeps, and where rows then stand. */
export type CompressTo = CompressSize & { readonly positions?: PositionMode };

/** Makes a cache of a state, which it takes over. */
export let cacheOf: (
  shape: CacheShape,
  recordings: readonly Recording[],
  state: CacheState,
  observer?: CacheObserver,
  owner?: CacheOwner,
) => KvCache;

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
  readonly recordings: readonly AttentionRecording[];
  /** Whether it records the moments of the queries as well. */
  readonly queryMoments: "record" | "skip";
  /** The model that its rows are of; undefined where they were made up. */
  readonly owner?: CacheOwner;
  readonly #observer?: CacheObserver;
  #state: CacheState;

  static {
    cacheOf = (shape, recordings, state, observer, owner) => {
      const cache = new KvCache(shape, recordings, observer, owner);
      cache.#state = state;
      return cache;
    };
  }

  /** Makes an empty cache; {@linkcode Model.prefill} is how users come by one. */
  constructor(shape: CacheShape, recordings: readonly Recording[] = [], observer?: CacheObserver, owner?: CacheOwner) {
    this.shape = shape;
    this.recordings = recordings.filter((recording) => recording !== "moments");
    this.queryMoments = recordings.includes("moments") ? "record" : "skip";
    this.#observer = observer;
    this.owner = owner;
    this.#state = emptyState(shape, this.recordings.length);
  }

  /** Tokens read so far, evicted or not: the next token's place in the text. */
  get tokenCount(): number {
    return this.#state.ids.length;
  }

  /** Where rows stand; see {@linkcode PositionMode}. */
  get positions(): PositionMode {
    return this.#state.positions;
  }

  /** The rotary position that the next token gets. */
  get nextRotaryPosition(): number {
    return this.positions === "logical" ? this.tokenCount : this.longestHead;
  }

  /** Rows of the longest head. */
  get longestHead(): number {
    return Math.max(0, ...this.#heads.map(({ length }) => length));
  }

  /** Rows over all layers and heads. */
  get totalRows(): number {
    return this.#heads.reduce((sum, { length }) => sum + length, 0);
  }

  /** Bytes of live rows over all layers and heads: head_dim × 2 × 4 a row, fewer where rows are packed, scales and all. */
  get liveBytes(): number {
    return this.#heads.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  }

  /** What the key and value buffers hold, in bytes, shared ones included. */
  get allocatedBytes(): number {
    return this.#heads.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  }

  /** What the cache would hold had nothing been evicted, in bytes. */
  get fullBytes(): number {
    return this.tokenCount * this.#heads.length * floatRowBytes(this.shape.headDim);
  }

  /** What so many rows take at most, in bytes. */
  get rowBytes(): RowBytes {
    return rowBytes(this.#heads, this.cacheDtype, this.shape.headDim);
  }

  /** How rows that left the window are held; float32 unless {@linkcode KvCache.quantize} was called. */
  get cacheDtype(): CacheDtype {
    return this.#state.cacheDtype;
  }

  /** Number of live rows of one kv head. */
  rowCount(layer: number, kvHead: number): number {
    return this.#head(layer, kvHead).length;
  }

  /** Positions in the text of one kv head's rows, ascending: `[rows]`, a copy. */
  rowPositions(layer: number, kvHead: number): Int32Array {
    return this.#head(layer, kvHead).livePositions().slice();
  }

  /** Live and allocated bytes of one kv head. */
  headBytes(layer: number, kvHead: number): { live: number; allocated: number } {
    const head = this.#head(layer, kvHead);
    return { live: head.liveBytes, allocated: head.allocatedBytes };
  }

  /** A second cache with the same rows. Buffers are shared until one of the two changes them. */
  fork(): KvCache {
    return cacheOf(this.shape, this.#recording(), sharedState(this.#state), this.#observer, this.owner);
  }

  /** The cache as policies see it. The views hold until the cache changes. */
  layers(): Layer[] {
    return cachedLayers(this.#heads, this.#record(), this.shape);
  }

  /**
   * Evicts rows: the policy chooses, the buffers shrink. Pinned rows stay and count towards the size.
   *
   * @throws {TypeError} if the policy needs a signal that was not recorded or observed
   * @throws {RangeError} if the size cannot be met, pinned rows alone are more, or the policy's choice is no valid one
   */
  compress(policy: Policy, to: CompressTo): void {
    checkCachedSignals(policy, this.signals, this.#state.lost.size === 0 ? "all" : "some lost");
    const choice = chooseBesidePins(policy, this.layers(), this.#state.pins, to, this.rowBytes);
    this.keep(choice, to.positions, policy.name);
  }

  /** The signals that policies find in this cache as it stands. */
  get signals(): Signal[] {
    return recordedSignals(this.#record(), this.#heads[0]);
  }

  /**
   * Takes the further look at the cache that a policy needs and reading does not record: KVzip's repetition of the
   * text, the norms of what values write. Rows stay as they are; policies that need no such look cost nothing.
   *
   * @throws {TypeError} if the cache belongs to no model
   * @throws {RangeError} if a repetition of the text does not fit the model's context
   */
  async observe(policy: Pick<Policy, "name" | "signals">, options: ObserveOptions = {}): Promise<void> {
    for (const signal of observedSignals(policy).filter((signal) => !this.#heads[0].observed.has(signal))) {
      if (this.#observer === undefined) {
        throw new TypeError(`Cannot observe ${signal} for ${policy.name} as this cache belongs to no model`);
      }
      noteObserved(this.#state, signal, await this.#observer(this, signal, options));
    }
  }

  /** Ids of the tokens read so far, from `start` to before `end`: a copy. */
  tokenIds(start?: number, end?: number): number[] {
    return this.#state.ids.slice(start, end);
  }

  /**
   * Keeps just the chosen rows, and changes to a position mode if one is given.
   *
   * @param by who chose, for messages
   * @throws {RangeError} if rows are not ascending, unique and in range; names layer, head and row
   */
  keep(choice: Choice, positions: PositionMode = this.positions, by = "this choice"): void {
    checkChoice(choice, this.layers(), by);
    keepRows(this.#state, choice, positions, by, this.shape);
  }

  /**
   * Holds all rows but each head's newest in fewer bits, and from now on those that leave that window. What is rounded
   * stays rounded; policies see what it stands for. The model opens a decoder of its own for each such format.
   *
   * @throws {RangeError} if rows are held in another format already, or keys would be rounded at compact positions
   */
  quantize(cacheDtype: CacheDtype): void {
    quantizeRows(this.#state, cacheDtype);
  }

  /**
   * Has positions stay whatever is evicted: a system prompt, a question. Rows of theirs that are gone already stay gone;
   * pins on positions that {@linkcode KvCache.rewind} takes back are taken back too.
   *
   * @param start first position
   * @param end the position after the last
   * @throws {RangeError} if the range is empty or beyond the tokens read
   */
  pin(start: number, end: number): void {
    checkRange("pin", { start, end }, this.tokenCount);
    this.#state.pins = addRange(this.#state.pins, { start, end });
  }

  /** Lets positions go again when rows are evicted. Takes what {@linkcode KvCache.pin} takes. */
  unpin(start: number, end: number): void {
    checkRange("unpin", { start, end }, this.tokenCount);
    this.#state.pins = removeRange(this.#state.pins, { start, end });
  }

  /** Pinned positions, in ascending ranges. */
  get pins(): readonly PositionRange[] {
    return this.#state.pins;
  }

  /**
   * Remembers the signals as they stand, so that a rewind to here finds them: some numbers a row, where a row is two
   * vectors; query moments are a matrix for each query head.
   */
  mark(): void {
    this.#state.marks = new Map([...this.#state.marks, [this.tokenCount, markSignals(this.#state)]]);
  }

  /** Where {@linkcode KvCache.mark} was called, ascending; a mark goes with the rows that it was of. */
  get marks(): readonly number[] {
    return [...this.#state.marks.keys()].sort((one, other) => one - other);
  }

  /** Positions that {@linkcode KvCache.rewind} can go to, both ends of a range among them. */
  get rewindRanges(): readonly RewindRange[] {
    return rewindRanges(this.#state.gaps, this.tokenCount);
  }

  /**
   * Takes back every token from `position` on, as if none had been read: rows, positions, ids, and the logits of what is
   * read next. At a mark, or where nothing was recorded since, the signals are those of then as well. Elsewhere recorded
   * attention and query moments, which are running sums, are gone and a policy that needs them is refused by name; those
   * of the newest queries come back with the next text that is read. What was observed wants observing again. Rows that
   * were rounded since stay so.
   *
   * @param position tokens that remain read
   * @throws {RangeError} if rows of that time were evicted after it; it names the positions that can be had
   */
  rewind(position: number): void {
    rewindState(this.#state, position, this.#recording());
  }

  /**
   * Writes the cache to a file, whole or not at all: rows, ids, signals, pins and marks, and which model they are of.
   * {@linkcode Model.loadCache} reads it.
   *
   * @throws {TypeError} if the cache belongs to no model
   * @throws {RangeError} if the path is empty or a folder
   */
  save(path: string): Promise<void> {
    return saveCache(path, { shape: this.shape, recordings: this.#recording(), state: this.#state, owner: this.owner });
  }

  /** All rows, or what they stand for, `[layer · kv heads + kv head]`. The views hold until the cache changes. */
  past(): RowViews[] {
    return this.#heads.map((head) => ({ keys: head.liveKeys(), values: head.liveValues() }));
  }

  /** All rows as an attention probe takes them, `[layer · kv heads + kv head]`. The views hold until the cache changes. */
  probedRows(): ProbedRows[] {
    return probedRows(this.#state);
  }

  /** Makes room for `count` further rows in every head, so that taking them in moves nothing. */
  reserve(count: number): void {
    this.#state.heads = this.#heads.map((head) => head.own(head.length + count));
  }

  /**
   * All rows and room for those of `count` new tokens, `[layer · kv heads + kv head]`, `[rows + count, head_dim]` each: the
   * decoder writes the last ones, and {@linkcode KvCache.append} takes them in. Until then the cache is as it was.
   */
  room(count: number): RunRows[] {
    return rowRoom(this.#state, count);
  }

  /**
   * Takes in the rows of new tokens, which {@linkcode KvCache.room} made room for, and what the taps recorded.
   *
   * @param attention for each head in turn `[taps, rows]`, its taps strided by the sum over all heads; empty: not recorded
   * @param chunk whether taps of the newest queries begin anew: all of them, or one word a tap
   * @param moments of the chunk's queries, by layer
   */
  append(
    ids: ArrayLike<number>,
    attention: Float32Array,
    chunk: ChunkStart | readonly ChunkStart[],
    moments?: readonly ChunkMoments[],
  ): void {
    appendChunk(this.#state, this.recordings, this.shape, { ids, attention, start: chunk, moments });
  }

  /** Lets go of all rows; buffers that no fork shares are freed at once. */
  [Symbol.dispose](): void {
    this.#state = releasedState(this.#state, this.shape, this.recordings.length);
  }

  get #heads(): readonly HeadRows[] {
    return this.#state.heads;
  }

  #head(layer: number, kvHead: number): HeadRows {
    return headAt(this.#state, this.shape, layer, kvHead);
  }

  #recording(): Recording[] {
    return this.queryMoments === "record" ? [...this.recordings, "moments"] : [...this.recordings];
  }

  #record(): CacheRecord {
    const { moments, lost } = this.#state;
    return { recordings: this.recordings, tokenCount: this.tokenCount, moments: moments?.own, lost };
  }
}

/** Options of {@linkcode KvCache.observe}. */
export interface ObserveOptions {
  /** Ends the observation between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk with the tokens or rows seen so far and in all. */
  readonly onProgress?: (seen: number, total: number) => void;
}

/** Looks at a cache for a signal that reading does not record: `[layer · kv heads + kv head]`, `[rows]` each. */
export type CacheObserver = (
  cache: KvCache,
  signal: ObservedSignal,
  options: ObserveOptions,
) => Promise<readonly Float32Array[]>;
