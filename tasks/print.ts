/** Prints a result to stdout: one JSON document. */
export function printJson(value: unknown): void {
  writeAll(Deno.stdout, `${JSON.stringify(value, null, 2)}\n`);
}

/** Prints text to stdout. */
export function printText(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** Prints progress or a notice to stderr, so that stdout stays a clean result. */
export function printNotice(text: string): void {
  writeAll(Deno.stderr, `${text}\n`);
}

/** Writes `text` to a stream to its last byte: one write may take only part of it. */
export function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
}
