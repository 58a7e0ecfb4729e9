import { type CacheDtype, cacheDtypeName, isFloat32 } from "../rows/cache_dtype.ts";
import type { DecoderInputs, DecoderOutputs, DecoderSession } from "./decoder_session.ts";

/** Decoders of quantized rows that stay open: each holds the model's quantized weights once more. */
const MOST_OPEN = 3;

/** A decoder of quantized rows. */
interface PooledDecoder {
  readonly session: Promise<DecoderSession>;
  /** Runs that have not ended. */
  running: number;
}

/**
 * A model's decoders: that of float32 rows, and one for each other way to hold rows, opened when a cache first asks for it.
 * Of these the latest few stay open.
 */
export class DecoderPool implements AsyncDisposable {
  readonly #float: DecoderSession;
  readonly #open: (cacheDtype: CacheDtype) => Promise<DecoderSession>;
  /** By the format's name, the latest last. */
  readonly #others = new Map<string, PooledDecoder>();

  constructor(float: DecoderSession, open: (cacheDtype: CacheDtype) => Promise<DecoderSession>) {
    this.#float = float;
    this.#open = open;
  }

  /** Runs the decoder of a cache dtype; one that could not be opened is tried again the next time. */
  async run(cacheDtype: CacheDtype, inputs: DecoderInputs): Promise<DecoderOutputs> {
    if (isFloat32(cacheDtype)) return await this.#float.run(inputs);
    const name = cacheDtypeName(cacheDtype);
    const own = this.#others.get(name) ?? { session: this.#open(cacheDtype), running: 0 };
    this.#others.delete(name);
    this.#others.set(name, own);
    own.running++;
    try {
      await this.#closeOldest();
      return await (await own.session).run(inputs);
    } catch (error) {
      if (await own.session.then(() => false, () => true)) this.#others.delete(name);
      throw error;
    } finally {
      own.running--;
    }
  }

  /** Closes all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#others.values()) await (await session)[Symbol.asyncDispose]();
    this.#others.clear();
    await this.#float[Symbol.asyncDispose]();
  }

  async #closeOldest(): Promise<void> {
    for (const [name, { session, running }] of this.#others) {
      if (this.#others.size <= MOST_OPEN) return;
      if (running > 0) continue;
      this.#others.delete(name);
      await (await session)[Symbol.asyncDispose]();
    }
  }
}
