const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses a JSON object; of a key that is there twice, JSON.parse would silently take the last.
 *
 * @param label what is parsed, for errors: `config.json`
 * @throws {SyntaxError} if it is no JSON, no object, or has a key twice
 */
export function parseJsonObject(bytes: Uint8Array, label: string): Record<string, unknown> {
  let text: string;
  let parsed: unknown;
  try {
    text = utf8.decode(bytes);
    parsed = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    throw new SyntaxError(`Cannot read ${label} as JSON: ${reason}`, { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new SyntaxError(`Cannot read ${label} as it must be a JSON object: it is ${text.trim().slice(0, 20)}`);
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) {
    throw new SyntaxError(`Cannot read ${label} as the key ${JSON.stringify(twice)} is there twice`);
  }
  return parsed as Record<string, unknown>;
}

/** The first top-level key that is there twice, in a text that is known to be a JSON object. */
function repeatedKey(text: string): string | undefined {
  const keys = new Set<string>();
  let depth = 0;
  let last = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth !== 1) continue;
    else if (token !== ":") last = token;
    else {
      const key = JSON.parse(last) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
