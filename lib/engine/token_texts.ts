import { createTextStream } from "./text_stream.ts";
import type { Tokenizer } from "./tokenizer.ts";

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
