import {
  DEFAULT_WINDOW,
  isFloatRows,
  type RowFormat,
  rowFormat,
  rowFormatName,
} from "../../engine/rows/cache_dtype.ts";
import type { Policy } from "../../policies/policy.ts";
import { policy } from "../../policies/table.ts";
import { CUT_PROMPT } from "./cut_prompt.ts";

/** One way to evict. */
export interface EvaluationArm extends ArmMethod {
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
}

/** One way to evict: a policy at a compression ratio. */
export interface Arm {
  /** Chooses the rows that stay. */
  readonly policy: Policy;
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
  /** How the rows that stay are held; float32 by default. */
  readonly rows?: RowFormat;
}

/** One way to evict, by names that JSON and files keep. */
export interface ArmName {
  /** The policy's name, and how rows are held where that is not float32: see {@linkcode armName}. */
  readonly policy: string;
  /** Fraction of rows removed, in [0, 1). */
  readonly compression_ratio: number;
}

/** What an arm does to a cache, besides how much of it goes. */
export interface ArmMethod {
  /**
   * Chooses the rows that stay; it may read `laterAttention`, what only an oracle knows. `cut_prompt` evicts nothing: the
   * prompt is cut to as many tokens and read afresh.
   */
  readonly policy: Policy | typeof CUT_PROMPT;
  /** How the rows that stay are held; float32 by default. */
  readonly rows?: RowFormat;
}

/** The name of an arm, which {@linkcode parseArm} reads: the policy's, and how rows are held where that is not float32. */
export function armName({ policy, rows }: ArmMethod): string {
  const name = policy === CUT_PROMPT ? policy : policy.name;
  if (rows === undefined || isFloatRows(rows)) return name;
  const window = rows.window === DEFAULT_WINDOW ? "" : ` window ${rows.window}`;
  return `${name} in ${rowFormatName(rows)}${window}`;
}

/**
 * Reads an arm: `cut_prompt` or a policy, ` in ` and a row format after it where rows are not float32, ` window ` and a
 * number after that where not the default one is meant.
 *
 * @throws {RangeError} if there is no such policy, {@linkcode policy} says more
 * @throws {SyntaxError} if there is no such row format
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { armName, parseArm } from "kvmirror/eval";
 *
 * const arm = parseArm("adakv(keydiff) in int4:channel/int4 window 128");
 * assertEquals(arm.rows?.window, 128);
 * assertEquals(armName(arm), "adakv(keydiff) in int4:channel/int4 window 128");
 * ```
 */
export function parseArm(name: string): ArmMethod {
  const [method, format, ...more] = name.split(" in ");
  if (more.length > 0) throw new SyntaxError(`Cannot read the arm ${name} as it names two row formats: write one`);
  const chosen = method.trim() === CUT_PROMPT ? CUT_PROMPT : policy(method.trim());
  if (format === undefined) return { policy: chosen };
  const [rows, window] = format.split(" window ");
  return { policy: chosen, rows: rowFormat(rows.trim(), window === undefined ? undefined : Number(window)) };
}

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
