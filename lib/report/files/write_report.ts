import { basename, dirname } from "node:path";
import { writeAtomicSync } from "../../files/write_atomic.ts";
import type { Figure } from "../render/display.ts";
import { altText } from "../render/alt_text.ts";
import { escapeMarkdown } from "../render/escape.ts";

/**
 * Writes a report atomically; folders are made.
 *
 * @example
 * ```ts
 * import { writeReport } from "kvmirror/report";
 *
 * const folder = await Deno.makeTempDir();
 * await writeReport(`${folder}/figures/empty.svg`, "<svg/>\n");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function writeReport(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  writeAtomicSync(path, content);
}

/**
 * Writes `value` as an indented JSON document that is the same for the same value.
 *
 * Throws a TypeError that names the place of a value JSON would lose: BigInt, NaN, an infinity, `undefined` in a list.
 */
export function jsonReport(value: unknown): string {
  check(value, "$");
  return `${JSON.stringify(value, null, 2)}\n`;
}

function check(value: unknown, path: string): void {
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`Cannot write ${path} as JSON has no ${typeof value}: convert it first`);
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`Cannot write ${path} as JSON has no ${value}: use null`);
  }
  if (ArrayBuffer.isView(value)) throw new TypeError(`Cannot write ${path} as it is a typed array: use Array.from`);
  if (Array.isArray(value)) {
    value.forEach((item, index) => check(item === undefined ? NaN : item, `${path}[${index}]`));
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) check(item, `${path}.${name}`);
  }
}

/**
 * Writes `figure` as `NAME.svg` and `NAME.png` into `folder`, and returns the Markdown that shows it in a report beside
 * that folder, its title as the alternative text.
 */
export async function saveFigure(folder: string, name: string, figure: Figure): Promise<string> {
  await writeReport(`${folder}/${name}.svg`, figure.svg);
  await writeReport(`${folder}/${name}.png`, figure.png);
  return `![${escapeMarkdown(altText(figure.title ?? figure.description))}](${basename(folder)}/${name}.png)\n`;
}
