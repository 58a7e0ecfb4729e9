/** A policy as it is written: a name, what it wraps, and numbers of its own. */
export interface PolicyText {
  /** The name before the parenthesis. */
  readonly name: string;
  /** The text of the policy in it; undefined where it wraps none. */
  readonly inner?: string;
  /** `sinkTokens=8` in it, by name. */
  readonly options: Readonly<Record<string, number>>;
}

/**
 * Reads `snapkv`, `snapkv(windowSize=32)`, `adakv(snapkv)` or `protect(adakv(knorm), sinks=8, recent=32)`.
 *
 * @throws {SyntaxError} if it is none of these
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { policyText } from "./policy_text.ts";
 *
 * assertEquals(policyText("protect(knorm, sinks=8)"), { name: "protect", inner: "knorm", options: { sinks: 8 } });
 * ```
 */
export function policyText(text: string): PolicyText {
  const open = text.indexOf("(");
  if (open < 0 && /^[^\s(),=]+$/.test(text)) return { name: text, options: {} };
  const parts = open > 0 && text.endsWith(")") ? argumentsOf(text.slice(open + 1, -1)) : undefined;
  if (parts === undefined) throw unreadable(text);
  const inner: string[] = [];
  const options: Record<string, number> = {};
  for (const part of parts) {
    const [, option, value] = /^([A-Za-z]+)\s*=\s*(\S*)$/.exec(part) ?? [];
    if (option === undefined) inner.push(part);
    else if (Object.hasOwn(options, option)) throw unreadable(text, `${option} is given twice`);
    else if (DECIMAL.test(value) && Number.isFinite(Number(value))) options[option] = Number(value);
    else throw unreadable(text, `${option} is ${JSON.stringify(value)}, which is no number`);
  }
  if (inner.length > 1) throw unreadable(text, `${text.slice(0, open)} takes one policy and not ${inner.length}`);
  return { name: text.slice(0, open), ...(inner.length > 0 ? { inner: inner[0] } : {}), options };
}

/** A number as people write it: JavaScript also reads 0x10, and nothing as 0. */
const DECIMAL = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;

/** What stands between the commas that no parenthesis holds; undefined where parentheses or commas are astray. */
function argumentsOf(text: string): string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    if (text[index] === "(") depth++;
    if (text[index] === ")" && --depth < 0) return undefined;
    if (index < text.length && (text[index] !== "," || depth > 0)) continue;
    parts.push(text.slice(start, index).trim());
    start = index + 1;
  }
  return depth === 0 && parts.every((part) => part !== "") ? parts : undefined;
}

function unreadable(text: string, why?: string): SyntaxError {
  const form = "write it like adakv(snapkv), snapkv(windowSize=32) or protect(knorm, sinks=8)";
  return new SyntaxError(`Cannot read policy ${JSON.stringify(text)}${why === undefined ? "" : ` as ${why}`}: ${form}`);
}
