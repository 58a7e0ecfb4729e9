// deno-lint-ignore no-control-regex -- kvpress takes these out before it compares
const CONTROL = /[\x00-\x1f]/g;

/**
 * RULER's score of an answer, as kvpress 0.5.5 computes it: the share of the references that the answer contains, in
 * capitals or not; for tasks with alternatives (`qa…`, InfiniteBench's dialogues), 1 where it contains any. In [0, 1].
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { SCORERS } from "kvmirror/eval";
 *
 * assertEquals(SCORERS.string_match.score("ABC and DEF", ["abc", "def", "ghi", "jkl"], { task: "vt" }), 0.5);
 * ```
 */
export function stringMatch(
  prediction: string,
  references: readonly string[],
  { task }: { readonly task: string },
): number {
  const said = prediction.trim().replaceAll(CONTROL, "").trim().toLowerCase();
  const found = references.filter((reference) => said.includes(reference.toLowerCase())).length;
  const hasAlternatives = task.split("_")[0] === "qa" || task === "longdialogue_qa_eng";
  return hasAlternatives ? Math.min(1, found) : found / references.length;
}
