// deno-lint-ignore no-control-regex -- kvpress takes these out before it compares
const CONTROL = /[\x00-\x1f]/g;

/**
 * RULER's score of an answer, as kvpress computes it: the share of the references that it contains, in capitals or not;
 * for tasks named `qa…`, whether it contains any. In [0, 1].
 *
 * @throws {RangeError} if there are no references
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { stringMatch } from "kvmirror/eval";
 *
 * assertEquals(stringMatch("vt", "ABC and DEF", ["abc", "def", "ghi", "jkl"]), 0.5);
 * ```
 */
export function stringMatch(task: string, prediction: string, references: readonly string[]): number {
  if (references.length === 0) throw new RangeError("Cannot score an answer without references: give at least one");
  const said = prediction.trim().replaceAll(CONTROL, "").trim().toLowerCase();
  const found = references.filter((reference) => said.includes(reference.toLowerCase())).length;
  return task.split("_")[0] === "qa" ? Math.min(1, found) : found / references.length;
}

/** Whether an answer says what was expected, in capitals or not. */
export function isRight(text: string, expected: string): boolean {
  return text.toLowerCase().includes(expected.toLowerCase());
}
