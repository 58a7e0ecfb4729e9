/**
 * Splits a list of policies at its commas, those in parentheses aside: `adakv(snapkv),random` are two.
 *
 * @throws {SyntaxError} if a parenthesis has no other, or a name is empty
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { splitNames } from "kvmirror/eval";
 *
 * assertEquals(splitNames("adakv(snapkv), random"), ["adakv(snapkv)", "random"]);
 * ```
 */
export function splitNames(list: string): string[] {
  const names: string[] = [];
  let depth = 0;
  let start = 0;
  const end = (index: number) => {
    const name = list.slice(start, index).trim();
    if (name === "") throw new SyntaxError(`Cannot read the list ${JSON.stringify(list)} as a name in it is empty`);
    names.push(name);
    start = index + 1;
  };
  for (let index = 0; index < list.length; index++) {
    if (list[index] === "(") depth++;
    if (list[index] === ")" && --depth < 0) throw unbalanced(list, `character ${index + 1} closes what nothing opens`);
    if (list[index] === "," && depth === 0) end(index);
  }
  if (depth > 0) throw unbalanced(list, `${depth} parenthes${depth === 1 ? "is is" : "es are"} not closed`);
  end(list.length);
  return [...new Set(names)];
}

function unbalanced(list: string, why: string): SyntaxError {
  return new SyntaxError(`Cannot read the list ${JSON.stringify(list)} as ${why}`);
}
