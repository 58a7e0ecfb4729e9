import { quoted } from "../files/quoted.ts";
/**
 * The tokens that spell `text` where it first stands in a prompt, whole or in part: indices, ascending.
 *
 * @param tokenTexts tokens in the byte-level alphabet of GPT-2, as traces spell them (`Ġ` begins with a space)
 * @throws {RangeError} if the prompt does not hold the text
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { findTokens } from "kvmirror";
 *
 * assertEquals(findTokens(["The", "Ġcode", "Ġis", "Ġ", "4", "2", "."], "code is 4"), [1, 2, 3, 4]);
 * ```
 */
export function findTokens(tokenTexts: readonly string[], text: string): number[] {
  const start = tokenTexts.join("").indexOf(spell(text));
  if (start < 0 || text === "") throw new RangeError(`Cannot find ${quoted(text)} as the prompt lacks it`);
  const end = start + spell(text).length;
  const found: number[] = [];
  let at = 0;
  for (const [index, token] of tokenTexts.entries()) {
    if (at < end && at + token.length > start) found.push(index);
    at += token.length;
  }
  return found;
}

/** Writes the bytes of a text as that alphabet has them: printable ones as themselves, the others from U+0100 on. */
function spell(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => ALPHABET[byte]).join("");
}

// https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode
const ALPHABET: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
})();
