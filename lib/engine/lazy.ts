/** Something that is opened when it is first asked for, and closed if it was. */
export class Lazy<Value> implements AsyncDisposable {
  readonly #open: () => Promise<Value>;
  #value?: Promise<Value>;

  constructor(open: () => Promise<Value>) {
    this.#open = open;
  }

  /** The value, the same at every call. */
  get(): Promise<Value> {
    return this.#value ??= this.#open();
  }

  /** Closes the value, if there is one that can be closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const value = await this.#value;
    this.#value = undefined;
    await (value as Partial<AsyncDisposable> | undefined)?.[Symbol.asyncDispose]?.();
  }
}
