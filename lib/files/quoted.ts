/** Characters that are shown of a value from a file, which may be of any length. */
const MOST = 80;

/**
 * What a file or a caller gave, as an error's message quotes it: JSON on one line, cut to 80 characters; `absent` where
 * there is nothing.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { quoted } from "./quoted.ts";
 *
 * assertEquals([quoted("two\nlines"), quoted(undefined)], ['"two\\nlines"', "absent"]);
 * assertEquals(quoted("a".repeat(100)).length, 81);
 * ```
 */
export function quoted(value: unknown): string {
  const json = JSON.stringify(value) ?? "absent";
  return json.length > MOST ? `${json.slice(0, MOST)}…` : json;
}
