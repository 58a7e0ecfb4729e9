import {
  type CacheDtype,
  cacheDtypeName,
  DEFAULT_RESIDUAL_LENGTH,
  isFloat32,
  parseCacheDtype,
} from "../../engine/rows/cache_dtype.ts";
import type { Policy } from "../../policies/policy.ts";
import { policy } from "../../policies/table.ts";
import { CUT_PROMPT } from "./cut_prompt.ts";

/** One way to evict. */
export interface Setting extends SettingMethod {
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
}

/** One way to evict: a policy at a compression ratio. */
export interface PolicySetting {
  /** Chooses the rows that stay. */
  readonly policy: Policy;
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
  /** How the rows that stay are held; float32 by default. */
  readonly cacheDtype?: CacheDtype;
}

/** One way to evict, by names that JSON and files keep. */
export interface SettingName {
  /** The policy's name, and how rows are held where that is not float32: see {@linkcode settingName}. */
  readonly policy: string;
  /** Fraction of rows removed, in [0, 1). */
  readonly compression_ratio: number;
}

/** What an arm does to a cache, besides how much of it goes. */
export interface SettingMethod {
  /**
   * Chooses the rows that stay; it may read `laterAttention`, what only an oracle knows. `cut_prompt` evicts nothing: the
   * prompt is cut to as many tokens and read afresh.
   */
  readonly policy: Policy | typeof CUT_PROMPT;
  /** How the rows that stay are held; float32 by default. */
  readonly cacheDtype?: CacheDtype;
}

/** The name of an arm, which {@linkcode parseSetting} reads: the policy's, and how rows are held where that is not float32. */
export function settingName({ policy, cacheDtype }: SettingMethod): string {
  const name = policy === CUT_PROMPT ? policy : policy.name;
  if (cacheDtype === undefined || isFloat32(cacheDtype)) return name;
  const window = cacheDtype.residualLength === DEFAULT_RESIDUAL_LENGTH ? "" : ` window ${cacheDtype.residualLength}`;
  return `${name} in ${cacheDtypeName(cacheDtype)}${window}`;
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
 * import { settingName, parseSetting } from "kvmirror/eval";
 *
 * const setting = parseSetting("adakv(keydiff) in int4:channel/int4 window 128");
 * assertEquals(setting.cacheDtype?.residualLength, 128);
 * assertEquals(settingName(setting), "adakv(keydiff) in int4:channel/int4 window 128");
 * ```
 */
export function parseSetting(name: string): SettingMethod {
  const [method, format, ...more] = name.split(" in ");
  if (more.length > 0) throw new SyntaxError(`Cannot read the arm ${name} as it names two row formats: write one`);
  const chosen = method.trim() === CUT_PROMPT ? CUT_PROMPT : policy(method.trim());
  if (format === undefined) return { policy: chosen };
  const [rows, window] = format.split(" window ");
  return {
    policy: chosen,
    cacheDtype: parseCacheDtype(rows.trim(), window === undefined ? undefined : Number(window)),
  };
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
