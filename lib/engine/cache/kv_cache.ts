import { checkFollowsRatio, checkPolicyObject } from "../../policies/check_signals.ts";
import { checkOneOf, checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { DISPLAY, type Displayable, type DisplayBundle } from "../../display/display.ts";
import { factsDisplay, grouped, inMebibytes, keptBars } from "../../display/facts.ts";
import type { Rotary, RotaryLength } from "../../numeric/rotary.ts";
import type { Choice, Layer, Policy, Signal } from "../../policies/policy.ts";
import { checkChoice } from "../../policies/policy_rules.ts";
import { chooseBesidePins, type CompressSize, type RowSizes } from "../choose/choose_rows.ts";
import { type CacheDtype, cacheDtypeName, checkCacheDtype } from "../rows/cache_dtype.ts";
import { type CacheOwner, type CacheShape, evictableLayers, textBytes } from "../rows/cache_shape.ts";
import type { HeadRows, ProbedRows, RowViews, RunRows } from "../rows/head_rows.ts";
import { addRange, checkRange, type PositionRange, removeRange } from "../rows/position_range.ts";
import { checkPositions, longestHead, type PositionMode } from "../rows/rotary_positions.ts";
import { rowBytes } from "../rows/row_bytes.ts";
import {
  type AttentionRecording,
  attentionRecordings,
  checkCachedSignals,
  type ChunkRecording,
  chunkRecordings,
  type ChunkStart,
  type ObservedSignal,
  observedSignals,
  type Recording,
  rowRecordings,
} from "../signals/signals.ts";
import { cachedLayers, type CacheRecord, recordedSignals } from "./cached_signals.ts";
import { saveCache } from "./file/encode.ts";
import { appendChunk, type ChunkNumbers } from "./state/append.ts";
import {
  type CacheState,
  emptyState,
  headAt,
  noteObserved,
  probedRows,
  rotaryOf,
  rowRoom,
  sharedState,
} from "./state/cache_state.ts";
import { keepRows } from "./state/evict.ts";
import { coarseHeads, quantizeRows } from "./state/quantize_rows.ts";
import type { ChunkMoments } from "./state/query_moments.ts";
import { type RewindRange, rewindRanges, rewindState } from "./state/rewind.ts";
import { markSignals } from "./state/signal_mark.ts";
import { freeHidden, rowsWithin } from "./state/windows.ts";

/** The size that {@linkcode KvCache.compress} keeps, and the positions of its rows afterwards. */
export type CompressTo = CompressSize & { readonly positions?: PositionMode };

/** Makes a cache that takes over a state. */
export let cacheOf: (
  shape: CacheShape,
  recordings: readonly Recording[],
  state: CacheState,
  observer?: CacheObserver,
  owner?: CacheOwner,
) => KvCache;

/**
 * The live cache of one sequence. Each kv head of each layer holds its own number of rows, in buffers that shrink when
 * rows are evicted. A fork shares the buffers until either side changes.
 *
 * @example Compress to a quarter and see what is left
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const cache = await model.prefill("It was a dark and stormy night; the rain fell in torrents.");
 * cache.compress(policy("knorm"), { compressionRatio: 0.75 });
 * assert(cache.liveBytes < 0.3 * cache.fullBytes);
 * assertEquals(cache.rowPositions(0, 1).length, cache.rowCount(0, 1));
 * ```
 */
export class KvCache implements Disposable, Displayable {
  /** The sizes of the model that a cache depends on. */
  readonly shape: CacheShape;
  /** The attention that this cache records while tokens are read. */
  readonly recordings: readonly AttentionRecording[];
  /** Whether this cache records the moments of the queries while tokens are read. */
  readonly queryMoments: "record" | "skip";
  /** The numbers that this cache records of each row once, when it is read. */
  readonly chunkRecordings: readonly ChunkRecording[];
  /** The model that computed the rows; undefined for synthetic rows. */
  readonly owner?: CacheOwner;
  readonly #observer?: CacheObserver;
  /** The parts that change; undefined before the first use, and where the rows were released. */
  #parts?: CacheState;
  #released = false;
  /** The cache whose lock this one is; undefined where it is a cache by itself. */
  #locks?: KvCache;
  /** What the cache is locked for; undefined where it is not. */
  #lockedFor?: string;

  static {
    cacheOf = (shape, recordings, state, observer, owner) => {
      const cache = new KvCache(shape, recordings, observer, owner);
      cache.#parts = state;
      return cache;
    };
  }

  /** Makes an empty cache. Users get a cache from {@linkcode Model.prefill}. */
  constructor(shape: CacheShape, recordings: readonly Recording[] = [], observer?: CacheObserver, owner?: CacheOwner) {
    this.shape = shape;
    this.recordings = attentionRecordings(recordings);
    this.queryMoments = recordings.includes("moments") ? "record" : "skip";
    this.chunkRecordings = chunkRecordings(recordings);
    this.#observer = observer;
    this.owner = owner;
  }

  /**
   * Locks the cache for one use of several steps, such as reading: until the lock is disposed of, the cache refuses
   * whatever would change it, and can still be looked at.
   *
   * @param purpose what it is locked for, for messages: "is being read into"
   * @returns the lock: a cache of the same rows, through which its holder changes them
   * @throws {TypeError} if it is locked already, or was disposed of
   *
   * @example
   * ```ts
   * import { assertThrows } from "@std/assert";
   * import { loadModel } from "kvmirror/engine";
   *
   * await using model = await loadModel("tiny");
   * using cache = await model.prefill("It was a dark and stormy night.");
   * const reading = model.read(cache, model.tokenizer.encode(" The rain fell."));
   * assertThrows(() => cache.rewind(0), TypeError, "is being read into");
   * await reading;
   * cache.rewind(0);
   * ```
   */
  lock(purpose: string): KvCache {
    const state = this.#toChange("use");
    const lock = cacheOf(this.shape, this.#recording(), state, this.#observer, this.owner);
    lock.#locks = this;
    this.#lockedFor = purpose;
    return lock;
  }

  /** Tokens read so far, evicted or not: the next token's position in the text. */
  get tokenCount(): number {
    return this.#state.ids.length;
  }

  /** Which positions the keys are rotated to: see {@linkcode PositionMode}. */
  get positions(): PositionMode {
    return this.#state.positions;
  }

  /** How positions turn keys: the model's rotary embedding for texts of this length. */
  get rotary(): Rotary {
    return rotaryOf(this.#state, this.shape);
  }

  /**
   * Takes the rotary embedding of texts longer than {@linkcode CacheShape.rotaryBeyond}'s length, for good.
   *
   * @throws {RangeError} if tokens were read already, as all that they left depends on their rotation
   */
  lengthen(): void {
    const state = this.#toChange("lengthen");
    if (this.tokenCount > 0) {
      throw new RangeError(`Cannot lengthen a cache of ${this.tokenCount} tokens as they were read as a shorter text`);
    }
    state.rotation = "beyond";
  }

  /** Whether this is a text of up to {@linkcode CacheShape.rotaryBeyond}'s length, or a longer one. */
  get rotation(): RotaryLength {
    return this.#state.rotation;
  }

  /** The rotary position that the next token gets. */
  get nextRotaryPosition(): number {
    return this.#state.nextRotary;
  }

  /** Rows of the longest head. */
  get longestHead(): number {
    return longestHead(this.#heads);
  }

  /** Heads whose rows policies choose: all but those of layers with a window, where there are others. */
  get evictableHeads(): number {
    return evictableLayers(this.shape).length * this.shape.kvHeadCount;
  }

  /** Rows over all evictable heads. */
  get evictableRows(): number {
    return this.#evictable.reduce((sum, { length }) => sum + length, 0);
  }

  /** Bytes of live rows that no policy chooses among: those of layers with a window, where there are others. */
  get windowBytes(): number {
    this.#seenHeads();
    return this.liveBytes - this.#evictable.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  }

  /** Bytes of live rows over all layers and heads: head_dim × 2 × 4 a row; for a quantized row its codes and scales. */
  get liveBytes(): number {
    return this.#heads.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  }

  /** Bytes of the key and value buffers, shared ones included. */
  get allocatedBytes(): number {
    return this.#heads.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  }

  /** Bytes of the rows of all tokens read, in float32, had nothing been evicted; of a window, what it holds. */
  get fullBytes(): number {
    return textBytes(this.shape, this.tokenCount);
  }

  /** The dtype of rows older than the residual length; float32 unless {@linkcode KvCache.quantize} was called. */
  get cacheDtype(): CacheDtype {
    return this.#state.cacheDtype;
  }

  /** Number of live rows of one kv head. */
  rowCount(layer: number, kvHead: number): number {
    this.#seenHeads();
    return this.#head(layer, kvHead).length;
  }

  /** Positions in the text of one kv head's rows, ascending: `[rows]`, a copy. */
  rowPositions(layer: number, kvHead: number): Int32Array {
    this.#seenHeads();
    return this.#head(layer, kvHead).livePositions().slice();
  }

  /** Positions in the text of every kv head's rows, ascending: `[layer][kv head][row]`, copies. */
  keptPositions(): Int32Array[][] {
    const { layerCount, kvHeadCount } = this.shape;
    return Array.from(
      { length: layerCount },
      (_, layer) => Array.from({ length: kvHeadCount }, (_, kvHead) => this.rowPositions(layer, kvHead)),
    );
  }

  /** Live and allocated bytes of one kv head. */
  headBytes(layer: number, kvHead: number): { live: number; allocated: number } {
    const head = this.#head(layer, kvHead);
    return { live: head.liveBytes, allocated: head.allocatedBytes };
  }

  /**
   * A second cache with the same rows. The two share buffers until one of them changes a row.
   *
   * @throws {TypeError} if the decoder is writing rows of this cache just now, or it was disposed of
   */
  fork(): KvCache {
    if (this.#state.running) {
      throw new TypeError("Cannot fork a cache in the middle of a run: fork it before, or once the reading has ended");
    }
    return cacheOf(this.shape, this.#recording(), sharedState(this.#state), this.#observer, this.owner);
  }

  /**
   * The cache as policies see it: views that are valid until the cache changes. Of a model that has layers with a window
   * and layers without, policies see those without.
   */
  layers(): Layer[] {
    const layers = cachedLayers(this.#seenHeads(), this.#record(), { ...this.shape, rotary: this.rotary });
    return evictableLayers(this.shape).map((layer) => layers[layer]);
  }

  /**
   * Evicts the rows that a policy does not choose; buffers shrink. Pinned rows stay and count towards the size.
   *
   * @throws {TypeError} if the policy takes a signal that was not recorded or observed, or `to` has not one size or a
   * name that it should not
   * @throws {RangeError} if the size cannot be met, the pinned rows exceed it, the policy follows no size, or its choice
   * is invalid
   */
  compress(policy: Policy, to: CompressTo): void {
    this.#toChange("compress");
    checkCompress(policy, to);
    checkCachedSignals(policy, this.signals, this.#state.lost.size === 0 ? "all" : "some lost");
    const layers = this.layers();
    const size = "maxBytes" in to ? { maxBytes: to.maxBytes - this.windowBytes } : to;
    const choice = chooseBesidePins(policy, layers, this.#state.pins, size, this.#rowSizes());
    this.keep(choice, to.positions, policy.name);
  }

  /** The signals that policies find in this cache now. */
  get signals(): Signal[] {
    return recordedSignals(this.#record(), this.#heads[0]);
  }

  /**
   * Computes the signals of a policy that reading does not record: KVzip's repetition of the text, the norms of the
   * output that values write. Rows stay unchanged. A policy without such signals costs nothing.
   *
   * @throws {TypeError} if the cache belongs to no model
   * @throws {RangeError} if a repetition of the text does not fit the model's context
   */
  async observe(policy: Pick<Policy, "name" | "signals">, options: ObserveOptions = {}): Promise<void> {
    checkObserve(policy, options);
    this.#seenHeads();
    const wanted = observedSignals(policy).filter((signal) => !this.#heads[0].observed.has(signal));
    if (wanted.length === 0) return;
    using lock = this.lock("is being observed");
    for (const signal of wanted) {
      if (this.#observer === undefined) {
        throw new TypeError(`Cannot observe ${signal} for ${policy.name} as this cache belongs to no model`);
      }
      noteObserved(lock.#state, signal, await this.#observer(lock, signal, options));
    }
  }

  /** Ids of the tokens read so far, from `start` to before `end`: a copy. */
  tokenIds(start?: number, end?: number): number[] {
    return this.#state.ids.slice(start, end);
  }

  /**
   * Evicts all rows but the chosen ones, and changes to a position mode if one is given.
   *
   * @param by the policy's name, for messages
   * @throws {RangeError} if rows are not ascending, unique and in range; names layer, head and row
   */
  keep(choice: Choice, positions: PositionMode = this.positions, by = "this choice"): void {
    const state = this.#toChange("evict from");
    checkPositions(positions);
    const layers = this.layers();
    checkChoice(choice, layers, by);
    const chosen = new Map(layers.map(({ index }, place) => [index, choice[place]]));
    const { layerCount, kvHeadCount } = this.shape;
    const whole = Array.from({ length: layerCount }, (_, layer) =>
      chosen.get(layer) ??
        this.#heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount).map((head) => ({ rows: head.rowsFrom(0) })));
    keepRows(state, whole, positions, by, { ...this.shape, rotary: this.rotary });
  }

  /**
   * Quantizes all rows but the newest `residualLength` of each head, and from now on each row that grows older. A
   * quantized row stays quantized; policies see its dequantized numbers. The model opens one decoder a cache dtype.
   *
   * @throws {TypeError} if it is no cache dtype
   * @throws {RangeError} if rows are quantized to another dtype already, or positions are compact and keys not float32
   */
  quantize(cacheDtype: CacheDtype, options: QuantizeOptions = {}): void {
    const state = this.#toChange("quantize");
    checkOptions("quantize", options, QUANTIZE_OPTIONS);
    checkCacheDtype(cacheDtype);
    const coarse = options.onNotice === undefined ? 0 : coarseHeads(state, cacheDtype);
    quantizeRows(state, cacheDtype);
    if (coarse > 0) {
      options.onNotice?.(
        `keys of ${coarse} of ${state.heads.length} heads have a few numbers far larger than the others, which int4 by ` +
          `row rounds away: hold keys as int4:channel or int8`,
      );
    }
  }

  /**
   * Protects the rows of some positions (a system prompt, a question) from eviction. Rows evicted earlier do not come
   * back. {@linkcode KvCache.rewind} also removes the pins on the positions that it takes back.
   *
   * @param start first position
   * @param end the position after the last
   * @throws {RangeError} if the range is empty or beyond the tokens read
   */
  pin(start: number, end: number): void {
    const state = this.#toChange("pin rows of");
    checkRange("pin", { start, end }, this.tokenCount);
    state.pins = addRange(state.pins, { start, end });
  }

  /** Removes the pins on a range of positions. Takes what {@linkcode KvCache.pin} takes, and throws as it does. */
  unpin(start: number, end: number): void {
    const state = this.#toChange("unpin rows of");
    checkRange("unpin", { start, end }, this.tokenCount);
    state.pins = removeRange(state.pins, { start, end });
  }

  /**
   * Says that so many of the newest tokens are a draft, which {@linkcode KvCache.rewind} may take back: until it does, or
   * this is called again, windows hold the rows that it needs.
   */
  markDraft(tokens: number): void {
    this.#toChange("mark a draft in").drafted = tokens;
  }

  /** Pinned positions, in ascending ranges. */
  get pins(): readonly PositionRange[] {
    return this.#state.pins;
  }

  /**
   * Copies the signals, so that a rewind to this position restores them. The copy takes some numbers a row, and one
   * matrix `[head_dim, head_dim]` a query head for query moments.
   */
  mark(): void {
    const state = this.#toChange("mark");
    // Rows that leave their windows later would take the mark with them.
    this.#seenHeads();
    state.marks = new Map([...state.marks, [this.tokenCount, markSignals(state)]]);
  }

  /** The positions of {@linkcode KvCache.mark}, ascending. An eviction removes the marks whose rows it takes. */
  get marks(): readonly number[] {
    return [...this.#state.marks.keys()].sort((one, other) => one - other);
  }

  /** Positions that {@linkcode KvCache.rewind} can go to, in ranges with both ends included. */
  get rewindRanges(): readonly RewindRange[] {
    return rewindRanges(this.#state.gaps, this.tokenCount);
  }

  /**
   * Takes back every token from `position` on: rows, positions and ids become those of a cache that never read them.
   *
   * Signals return to their earlier state at a mark, or where nothing was recorded since. Elsewhere recorded attention
   * and query moments, which are running sums, are lost: policies that take them are refused by name. Attention of the
   * newest queries returns with the next text. Observed signals must be observed again. Rows quantized since stay
   * quantized.
   *
   * @param position tokens that remain read
   * @throws {RangeError} if rows below `position` were evicted later; the message names the positions still available
   */
  rewind(position: number): void {
    rewindState(this.#toChange("rewind"), position, this.#recording());
  }

  /**
   * Writes the cache to a file, atomically: rows, ids, signals, pins and marks, and the model that computed them.
   * {@linkcode Model.loadCache} reads it.
   *
   * @throws {TypeError} if the cache belongs to no model
   * @throws {RangeError} if the path is empty or a folder
   */
  async save(path: string): Promise<void> {
    using lock = this.lock("is being saved");
    this.#seenHeads();
    await saveCache(path, { shape: this.shape, recordings: this.#recording(), state: lock.#state, owner: this.owner });
  }

  /** All rows, dequantized, `[layer · kv heads + kv head]`: views that are valid until the cache changes. */
  past(): RowViews[] {
    return this.#seenHeads().map((head) => ({ keys: head.liveKeys(), values: head.liveValues() }));
  }

  /** All rows for an attention probe, `[layer · kv heads + kv head]`: views that are valid until the cache changes. */
  probedRows(): ProbedRows[] {
    this.#seenHeads();
    return probedRows(this.#state);
  }

  /**
   * Allocates room for `count` more rows in every head, so that appending them moves no row; of a window, for as many as
   * it holds.
   *
   * @param chunk tokens of a run
   */
  reserve(count: number, chunk: number = count): void {
    const { windows, kvHeadCount } = this.shape;
    this.#toChange("make room in").heads = this.#heads.map((head, index) =>
      head.own(rowsWithin(windows[Math.floor(index / kvHeadCount)], head.length, count, chunk))
    );
  }

  /**
   * All rows and room for `count` new ones, `[layer · kv heads + kv head]`, `[rows + count, head_dim]` each. The
   * decoder writes the new rows, and {@linkcode KvCache.append} adds them to the cache, which is unchanged until then.
   */
  room(count: number): RunRows[] {
    const state = this.#toChange("make room in");
    const hidden = freeHidden(state, this.shape, "many");
    const room = rowRoom(state, count, hidden, this.shape);
    state.running = true;
    return room;
  }

  /**
   * Adds the rows that the decoder wrote into the room of {@linkcode KvCache.room}, and the chunk's recorded attention.
   *
   * @param attention head after head `[recordings, rows]`, recordings strided by the rows of all heads; empty: none
   * @param chunk whether recordings of the newest queries start over: one word for all, or one a recording
   * @param moments moments of the chunk's queries, by layer
   * @param ofChunk the chunk's own numbers that the cache records
   */
  append(
    ids: ArrayLike<number>,
    attention: Float32Array,
    chunk: ChunkStart | readonly ChunkStart[],
    moments?: readonly ChunkMoments[],
    ofChunk?: ChunkNumbers,
  ): void {
    const state = this.#toChange("append to");
    state.running = false;
    const recordings = this.#recording();
    appendChunk(state, recordings, this.shape, { ids, attention, start: chunk, moments, ofChunk });
  }

  /**
   * Releases all rows; of a lock, the lock alone. Buffers that no fork shares are freed at once. A second time does
   * nothing.
   *
   * @throws {TypeError} if the cache is locked
   */
  [Symbol.dispose](): void {
    if (this.#released) return;
    const state = this.#toChange("dispose of");
    if (this.#locks === undefined) { for (const head of state.heads) head.release(); }
    else {
      state.running = false;
      this.#locks.#lockedFor = undefined;
    }
    this.#released = true;
    this.#parts = undefined;
  }

  /** What a notebook's cell shows: tokens, rows, bytes, the ratio, and the share of rows that each layer keeps. */
  [DISPLAY](): DisplayBundle {
    if (this.#released) return factsDisplay({ name: "KvCache", facts: [["state", "disposed of"]] });
    const { layerCount, kvHeadCount } = this.shape;
    const heads = this.#seenHeads();
    const tokens = this.tokenCount;
    const layers = Array.from(
      { length: layerCount },
      (_, layer) =>
        heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount).reduce((sum, { length }) => sum + length, 0),
    );
    const rows = layers.reduce((sum, count) => sum + count, 0);
    const whole = tokens * evictableLayers(this.shape).length * kvHeadCount;
    return factsDisplay({
      name: "KvCache",
      facts: [
        ["tokens", grouped(tokens)],
        ["rows", `${grouped(rows)} in ${layerCount} layers of ${kvHeadCount} kv heads`],
        ["bytes", `${inMebibytes(this.liveBytes)} live, ${inMebibytes(this.fullBytes)} uncompressed`],
        ["ratio", tokens === 0 ? "0, as nothing was read" : (1 - this.evictableRows / whole).toFixed(3)],
        ["dtype", cacheDtypeName(this.cacheDtype)],
      ],
      ...keptBars(layers, layers.map(() => tokens * kvHeadCount)),
    });
  }

  get #state(): CacheState {
    if (this.#released) {
      throw new TypeError("Cannot use a cache that was disposed of: fork it before, or read the text into a new one");
    }
    return this.#parts ??= emptyState(this.shape, rowRecordings(this.#recording()).length);
  }

  /** The state, for who changes it. */
  #toChange(action: string): CacheState {
    if (this.#lockedFor !== undefined) {
      throw new TypeError(
        `Cannot ${action} a cache that ${this.#lockedFor}: await the end of that, or take a fork made before`,
      );
    }
    return this.#state;
  }

  get #heads(): readonly HeadRows[] {
    return this.#state.heads;
  }

  #rowSizes(): RowSizes {
    const heads = this.#evictable;
    return {
      ofRows: rowBytes(heads, this.cacheDtype, this.shape.headDim),
      ofChoice: (choice) => choice.flat().reduce((sum, { rows }, index) => sum + heads[index].bytesOf(rows), 0),
    };
  }

  get #evictable(): readonly HeadRows[] {
    const { kvHeadCount } = this.shape;
    return evictableLayers(this.shape).flatMap((layer) =>
      this.#heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount)
    );
  }

  /** All heads, without rows that have left their windows. */
  #seenHeads(): readonly HeadRows[] {
    // While the decoder writes, rows must stay where they are.
    if (!this.#state.running) freeHidden(this.#state, this.shape, "all");
    return this.#heads;
  }

  #head(layer: number, kvHead: number): HeadRows {
    return headAt(this.#state, this.shape, layer, kvHead);
  }

  #recording(): Recording[] {
    return [
      ...this.recordings,
      ...this.chunkRecordings,
      ...(this.queryMoments === "record" ? ["moments"] as const : []),
    ];
  }

  #record(): CacheRecord {
    const { moments, lost, positions, nextRotary } = this.#state;
    const { tokenCount } = this;
    return {
      recordings: rowRecordings(this.#recording()),
      tokenCount,
      moments: moments?.own,
      lost,
      positions,
      nextRotary,
    };
  }
}

/** Options of {@linkcode KvCache.quantize}. */
export interface QuantizeOptions {
  /** Called with a sentence where keys suit the dtype so badly that answers suffer. */
  readonly onNotice?: (notice: string) => void;
}

const QUANTIZE_OPTIONS: OptionNames<QuantizeOptions> = { onNotice: true };

/** Options of {@linkcode KvCache.observe}. */
export interface ObserveOptions {
  /** Ends the observation between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk with the tokens or rows seen so far and in all. */
  readonly onProgress?: (seen: number, total: number) => void;
}

const SIZES = ["compressionRatio", "rows", "totalRows", "maxBytes"];
const COMPRESS_TO = { compressionRatio: true, rows: true, totalRows: true, maxBytes: true, positions: true };
const OBSERVE_OPTIONS: OptionNames<ObserveOptions> = { signal: true, onProgress: true };

function checkCompress(policy: Policy, to: CompressTo): void {
  checkPolicyObject("compress", policy);
  checkOptions("compress", to, COMPRESS_TO);
  checkOneOf("compress", to, SIZES);
  checkPositions(to.positions);
  if ("compressionRatio" in to) checkFollowsRatio(policy, to.compressionRatio);
}

function checkObserve(policy: Pick<Policy, "name" | "signals">, options: ObserveOptions): void {
  checkPolicyObject("observe", policy);
  checkOptions("observe", options, OBSERVE_OPTIONS);
}

/** Computes a signal that reading does not record: `[layer · kv heads + kv head]`, `[rows]` each. */
export type CacheObserver = (
  cache: KvCache,
  signal: ObservedSignal,
  options: ObserveOptions,
) => Promise<readonly Float32Array[]>;
