import { type Displayable, type DisplayBundle, shownAs } from "../../display/display.ts";
import { factsDisplay } from "../../display/facts.ts";
import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import {
  type CacheDtype,
  cacheDtypeName,
  DEFAULT_RESIDUAL_LENGTH,
  isFloat32,
  parseCacheDtype,
} from "../../engine/rows/cache_dtype.ts";
import { checkFollowsRatio } from "../../policies/check_signals.ts";
import type { Policy } from "../../policies/policy.ts";
import { policy, type PolicyEntry } from "../../policies/table.ts";
import { CUT_PROMPT } from "./cut_prompt.ts";

/**
 * One way to treat a cache: a policy at a ratio, and how the rows that stay are held.
 *
 * `Setting<Policy>` is a setting that has a cache to compress, which `cut_prompt` has not.
 */
export interface Setting<Chosen extends Policy | typeof CUT_PROMPT = Policy | typeof CUT_PROMPT> {
  /**
   * Chooses the rows that stay; it may read `laterAttention`, what only an oracle knows. `cut_prompt` evicts nothing: the
   * prompt is cut to as many tokens and read afresh.
   */
  readonly policy: Chosen;
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
  /** How the rows that stay are held; float32 by default. */
  readonly cacheDtype?: CacheDtype;
}

/** What a setting may have, that of equalByteSettings beside. */
const SETTING: OptionNames<Setting> & Readonly<Record<string, true>> = {
  policy: true,
  compressionRatio: true,
  cacheDtype: true,
  name: true,
  share: true,
  evicts: true,
  cacheDtypeName: true,
};

/**
 * Refuses what a setting does not have.
 *
 * @throws {TypeError} that names it, the nearest and what there is
 * @throws {RangeError} if the policy sets itself how much stays, and the ratio is not 0
 */
export function checkSetting(setting: Setting): void {
  checkOptions("a setting", setting, SETTING);
  if (setting.policy !== CUT_PROMPT) checkFollowsRatio(setting.policy, setting.compressionRatio);
}

/** A setting by the names that JSON and files keep: {@linkcode settingName} writes it, {@linkcode parseSetting} reads it. */
export interface SettingName {
  /** The policy's name, and how rows are held where that is not float32: `tova in int8`. */
  readonly policy: string;
  /** Fraction of rows removed, in [0, 1). */
  readonly compression_ratio: number;
}

/** Ends the dtype where the newest rows that stay float32 are not as many as by default. */
const RESIDUAL = " residual ";

/**
 * The name of a setting: its policy's, ` in ` and the cache dtype after it where rows are not float32, ` residual ` and the
 * number of the newest rows that stay float32 after that where it is not the default.
 */
export function settingName({ policy, compressionRatio, cacheDtype }: Setting): SettingName {
  const name = policy === CUT_PROMPT ? policy : policy.name;
  if (cacheDtype === undefined || isFloat32(cacheDtype)) return { policy: name, compression_ratio: compressionRatio };
  const { residualLength } = cacheDtype;
  const residual = residualLength === DEFAULT_RESIDUAL_LENGTH ? "" : `${RESIDUAL}${residualLength}`;
  return { policy: `${name} in ${cacheDtypeName(cacheDtype)}${residual}`, compression_ratio: compressionRatio };
}

/**
 * Reads what {@linkcode settingName} writes.
 *
 * @param own policies beside the table's, by the names that may call them
 * @throws {RangeError} if there is no such policy, {@linkcode policy} says more
 * @throws {SyntaxError} if there is no such cache dtype
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseSetting, settingName } from "kvmirror/eval";
 *
 * const name = { policy: "adakv(keydiff) in int4:channel/int4 residual 128", compression_ratio: 0.75 };
 * const setting = parseSetting(name);
 * assertEquals([setting.compressionRatio, setting.cacheDtype?.residualLength], [0.75, 128]);
 * assertEquals(settingName(setting), name);
 * ```
 */
export function parseSetting(
  { policy: name, compression_ratio: compressionRatio }: SettingName,
  own: Readonly<Record<string, PolicyEntry>> = {},
): Setting & Displayable {
  const [method, format, ...more] = name.split(" in ");
  if (more.length > 0) {
    throw new SyntaxError(`Cannot read the setting ${name} as it names two cache dtypes: write one`);
  }
  const chosen = method.trim() === CUT_PROMPT ? CUT_PROMPT : policy(method.trim(), {}, own);
  const shown = (setting: Setting) => shownAs(setting, () => settingDisplay(setting));
  if (format === undefined) return shown({ policy: chosen, compressionRatio });
  const [dtype, residual] = format.split(RESIDUAL);
  if (residual !== undefined && !/^\d+$/.test(residual.trim())) {
    throw new SyntaxError(`Cannot read the setting ${name} as its residual is ${JSON.stringify(residual)}, no number`);
  }
  const cacheDtype = parseCacheDtype(dtype.trim(), residual === undefined ? undefined : Number(residual));
  return shown({ policy: chosen, compressionRatio, cacheDtype });
}

function settingDisplay({ policy, compressionRatio, cacheDtype }: Setting): DisplayBundle {
  const newest = cacheDtype === undefined ? 0 : cacheDtype.residualLength;
  const dtype = cacheDtype === undefined ? "f32" : cacheDtypeName(cacheDtype);
  return factsDisplay({
    name: "Setting",
    facts: [
      ["policy", policy === CUT_PROMPT ? CUT_PROMPT : policy.name],
      ["ratio", String(compressionRatio)],
      ["dtype", newest === 0 ? dtype : `${dtype}, the newest ${newest} rows in f32`],
    ],
  });
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
