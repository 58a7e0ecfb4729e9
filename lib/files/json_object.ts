const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Objects and lists within each other: no file that is read here has more than some ten. */
const MAX_DEPTH = 128;
/** Characters of a text that a message shows. */
const SHOWN = 20;

/**
 * Parses a JSON object; of a key that is there twice, JSON.parse would silently take the last.
 *
 * @param label what is parsed, for errors: `config.json`
 * @throws {SyntaxError} if it is no JSON, no object, nested too deep, or has a key twice anywhere
 */
export function parseJsonObject(bytes: Uint8Array, label: string): Record<string, unknown> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${label} as JSON: it is not UTF-8`, { cause: error });
  }
  return parseJsonObjectText(text, label);
}

/** Like {@linkcode parseJsonObject}, of a text. */
export function parseJsonObjectText(text: string, label: string): Record<string, unknown> {
  const parsed = parseJson(text, label);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new SyntaxError(`Cannot read ${label} as it must be a JSON object: it is ${shown(text.trim())}`);
}

/**
 * Parses JSON, behind the byte order mark that may stand before it.
 *
 * @param label what is parsed, for errors: `config.json`
 * @throws {SyntaxError} if it is no JSON, nested too deep, or has a key twice anywhere
 */
export function parseJson(given: string, label: string): unknown {
  const text = given.startsWith("\ufeff") ? given.slice(1) : given;
  const keys = writtenKeys(text);
  if (keys === undefined) {
    throw new SyntaxError(
      `Cannot read ${label} as its lists and objects nest too deep: the limit is ${MAX_DEPTH} levels`,
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${label} as JSON: ${faultOf(error, text)}`, { cause: error });
  }
  if (keyCount(parsed) !== keys) {
    throw new SyntaxError(`Cannot read ${label} as the key ${shown(repeatedKey(text) ?? "")} is there twice`);
  }
  return parsed;
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** How many keys a text has, which may be no JSON; undefined where it nests too deep. */
function writtenKeys(text: string): number | undefined {
  let [depth, keys] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code === COLON) keys++;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
    else if ((code === OPEN_LIST || code === OPEN_OBJECT) && ++depth > MAX_DEPTH) return undefined;
  }
  return keys;
}

/** The place of the quotation mark that ends a string, or of the text's end. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

/** Keys of all objects in a value. */
function keyCount(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const inner of value) if (typeof inner === "object") count += keyCount(inner);
    return count;
  }
  const inner = Object.values(value);
  for (const own of inner) if (typeof own === "object") count += keyCount(own);
  return count + inner.length;
}

/** The first key that is there twice in one object, in a text that is JSON. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  let last = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN_LIST || code === OPEN_OBJECT) open.push(new Set());
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) open.pop();
    else if (code === QUOTE) {
      const end = stringEnd(text, at);
      last = text.slice(at, end + 1);
      at = end;
    } else if (code === COLON) {
      const [keys, key] = [open.at(-1)!, JSON.parse(last) as string];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

/** What is wrong with a text that is no JSON, in words of our own, and where as far as V8 says. */
function faultOf(error: unknown, text: string): string {
  const { message } = error as SyntaxError;
  if (/end of JSON input|Unterminated string/.test(message)) return "it ends before it is whole";
  const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? [];
  if (line !== undefined) {
    return `it goes wrong at ${text.includes("\n") ? `line ${line}, column ${column}` : `character ${column}`}`;
  }
  const [, character] = /^Unexpected token '(.+?)',/su.exec(message) ?? [];
  return character === undefined ? "it goes wrong somewhere" : `${shown(character)} stands where it cannot`;
}

/** The beginning of a text, as a JSON string: printable, and one line. */
function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
