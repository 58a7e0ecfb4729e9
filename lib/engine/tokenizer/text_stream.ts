import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/** Decodes ids one by one. All that it gives, put together, is what decoding all the ids at once gives. */
export interface TextStream {
  /** The text that became complete with this id; empty while a character is still in pieces. */
  push(id: number): string;
  /** What is left at the end: nothing, or U+FFFD for a character that never became whole. */
  flush(): string;
}

const REPLACEMENT = "\ufffd";

/**
 * A stream of text from ids. A character may be spread over several tokens; it is held back until it is whole, so that
 * no replacement character shows that will not stay.
 */
export function createTextStream(tokenizer: Pick<Tokenizer, "decode">, options?: DecodeOptions): TextStream {
  // Decoders may treat the first token apart (some strip its space), so the tokens given last stay in the window.
  let window: number[] = [];
  let given = "";
  const advance = (text: string, newest: number[]): string => {
    const fresh = text.slice(given.length);
    window = newest;
    given = tokenizer.decode(window, options);
    return fresh;
  };
  let pending: number[] = [];
  return {
    push: (id) => {
      pending.push(id);
      const text = tokenizer.decode([...window, ...pending], options);
      if (text.endsWith(REPLACEMENT) || text.length <= given.length) return "";
      const fresh = advance(text, pending);
      pending = [];
      return fresh;
    },
    flush: () => {
      const text = tokenizer.decode([...window, ...pending], options);
      pending = [];
      return advance(text, []);
    },
  };
}

/**
 * The text of each token: put together they are what decoding all the ids at once gives. A token that only begins a
 * character is empty; the token that ends it spells it.
 *
 * @example
 * ```ts ignore
 * import { loadModel, tokenTexts } from "kvmirror/engine";
 *
 * await using model = await loadModel("auto");
 * tokenTexts(model.tokenizer, model.tokenizer.encode("Sam's dog")); // ["Sam", "'s", " dog"]
 * ```
 */
export function tokenTexts(tokenizer: Pick<Tokenizer, "decode">, ids: readonly number[]): string[] {
  const stream = createTextStream(tokenizer);
  const texts = ids.map((id) => stream.push(id));
  if (texts.length > 0) texts[texts.length - 1] += stream.flush();
  return texts;
}
