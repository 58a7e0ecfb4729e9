/** One generated token. */
export interface GeneratedToken {
  /** Its id in the vocabulary. */
  readonly id: number;
  /** The text that became complete with this token; empty while a character is still in pieces. */
  readonly text: string;
}

/**
 * Why a generation ended: `stop`: the model gave an end token; `length`: it has as many tokens as were asked for;
 * `context`: the model's context holds no more.
 */
export type FinishReason = "stop" | "length" | "context";

/** The result of a generation. */
export interface GenerationResult {
  /** Why it ended. */
  readonly finishReason: FinishReason;
  /** The generated text, without the token that ended it. */
  readonly text: string;
  /** Generated ids, with the token that ended the text where there was one. */
  readonly ids: readonly number[];
}

/**
 * A generation: await it for the whole text, or iterate it token by token. It starts when it is first awaited or
 * iterated, and runs once.
 */
export class Generation implements PromiseLike<GenerationResult>, AsyncIterable<GeneratedToken> {
  readonly #start: StartGeneration;
  #finishReason: FinishReason | undefined;
  #result: Promise<GenerationResult> | undefined;
  #started = false;

  /** Users get a generation from {@linkcode Model.generate}. */
  constructor(start: StartGeneration) {
    this.#start = start;
  }

  /** Why it ended; undefined while it has not, or where it was left or failed. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason;
  }

  /** Iterates over the tokens as they are generated. */
  [Symbol.asyncIterator](): AsyncGenerator<GeneratedToken, void, undefined> {
    if (this.#started) throw new TypeError("Cannot iterate a generation twice: call generate again");
    this.#started = true;
    return this.#start((reason) => this.#finishReason = reason);
  }

  /** Runs to the end. */
  then<Fulfilled = GenerationResult, Rejected = never>(
    onFulfilled?: ((result: GenerationResult) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.#result ??= this.#collect();
    return this.#result.then(onFulfilled, onRejected);
  }

  async #collect(): Promise<GenerationResult> {
    const ids: number[] = [];
    let text = "";
    for await (const token of this) {
      ids.push(token.id);
      text += token.text;
    }
    return { text, ids, finishReason: this.#finishReason! };
  }
}

/** Begins a generation, which says why it ended. */
export type StartGeneration = (
  finish: (reason: FinishReason) => void,
) => AsyncGenerator<GeneratedToken, void, undefined>;
