import { createSpaceCleaner } from "./clean_spaces.ts";
import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/** Decodes ids one by one. Its texts, joined, equal the text of all the ids decoded at once. */
export interface TextStream {
  /** The text that became complete with this id; empty while a character is still in pieces. */
  push(id: number): string;
  /** The rest at the end: nothing, or U+FFFD for a character that never became whole. */
  flush(): string;
}

const REPLACEMENT = "\ufffd";

/**
 * Makes a stream of text from ids. A character of several tokens is held back until it is whole, so that no temporary
 * replacement character shows.
 */
export function createTextStream(
  tokenizer: Pick<Tokenizer, "decode">,
  { spaces, ...options }: DecodeOptions = {},
): TextStream {
  const stream = createPlainStream(tokenizer, options);
  if (spaces !== "clean") return stream;
  const cleaner = createSpaceCleaner();
  return {
    push: (id) => cleaner.push(stream.push(id)),
    flush: () => cleaner.push(stream.flush()) + cleaner.flush(),
  };
}

function createPlainStream(tokenizer: Pick<Tokenizer, "decode">, options: DecodeOptions): TextStream {
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
 * The text of each token: joined, the texts equal the text of all the ids decoded at once. A token that only begins a
 * character has an empty text; the token that ends it has the character.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel, tokenTexts } from "kvmirror/engine";
 *
 * await using model = await loadModel("tiny");
 * const ids = model.tokenizer.encode("Call me Ishmael.");
 * assertEquals(tokenTexts(model.tokenizer, ids), ["C", "all", " me", " I", "sh", "m", "a", "el", "."]);
 * ```
 */
export function tokenTexts(tokenizer: Pick<Tokenizer, "decode">, ids: readonly number[]): string[] {
  const stream = createTextStream(tokenizer);
  const texts = ids.map((id) => stream.push(id));
  if (texts.length > 0) texts[texts.length - 1] += stream.flush();
  return texts;
}
