import { isFloatRows, type RowFormat, rowFormatName } from "../rows/cache_dtype.ts";
import type { DecoderInputs, DecoderOutputs, DecoderSession } from "./decoder_session.ts";

/** Decoders of rows in fewer bits that stay open: each holds the model's packed weights once more. */
const MOST_OPEN = 3;

/** A decoder of rows in fewer bits. */
interface RowSession {
  readonly session: Promise<DecoderSession>;
  /** Runs that have not ended. */
  running: number;
}

/**
 * A model's decoders: that of float32 rows, and one for each other way to hold rows, opened when a cache first asks for it.
 * Of these the latest few stay open.
 */
export class RowSessions implements AsyncDisposable {
  readonly #float: DecoderSession;
  readonly #open: (format: RowFormat) => Promise<DecoderSession>;
  /** By the format's name, the latest last. */
  readonly #others = new Map<string, RowSession>();

  constructor(float: DecoderSession, open: (format: RowFormat) => Promise<DecoderSession>) {
    this.#float = float;
    this.#open = open;
  }

  /** Runs the decoder of a row format; one that could not be opened is tried again the next time. */
  async run(format: RowFormat, inputs: DecoderInputs): Promise<DecoderOutputs> {
    if (isFloatRows(format)) return await this.#float.run(inputs);
    const name = rowFormatName(format);
    const own = this.#others.get(name) ?? { session: this.#open(format), running: 0 };
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
