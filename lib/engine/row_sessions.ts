import { FLOAT_ROWS, isFloatRows, type RowFormat, rowFormatName } from "./row_format.ts";
import type { DecoderSession } from "./session.ts";

/** A model's decoders: that of float32 rows, and one for each way to hold rows that a cache asks for, opened then. */
export class RowSessions implements AsyncDisposable {
  readonly #open: (format: RowFormat) => Promise<DecoderSession>;
  readonly #sessions = new Map<string, Promise<DecoderSession>>();

  constructor(float: DecoderSession, open: (format: RowFormat) => Promise<DecoderSession>) {
    this.#open = open;
    this.#sessions.set(rowFormatName(FLOAT_ROWS), Promise.resolve(float));
  }

  /** The decoder of a row format; one that could not be opened is tried again. */
  of(format: RowFormat): Promise<DecoderSession> {
    const name = rowFormatName(isFloatRows(format) ? FLOAT_ROWS : format);
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opening = this.#open(format);
    this.#sessions.set(name, opening);
    opening.catch(() => this.#sessions.delete(name));
    return opening;
  }

  /** Closes all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await (await session)[Symbol.asyncDispose]();
    this.#sessions.clear();
  }
}
