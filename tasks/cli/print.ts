import { type ByteSink, writeAll } from "../../lib/files/write_atomic.ts";

/** A stream that people may be reading. */
export interface TextSink extends ByteSink {
  isTerminal(): boolean;
}

/** Prints a result to stdout: one JSON document, indented or in a line. */
export function printJson(value: unknown, form: "indented" | "a line" = "indented"): void {
  // JSON escapes most control characters by itself; the rest of them a terminal would obey.
  const json = JSON.stringify(value, null, form === "indented" ? 2 : 0).replaceAll(/[\x7f-\x9f]/g, escaped);
  writeText(Deno.stdout, `${json}\n`);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Prints text to stdout. */
export function printText(text: string): void {
  printForPeople(Deno.stdout, `${text}\n`);
}

/** Prints progress or a notice to stderr, so that stdout stays a clean result. */
export function printNotice(text: string): void {
  printForPeople(Deno.stderr, `${text}\n`);
}

/** The most characters of an error's line: what somebody typed may have any length. */
const MAX_LINE = 600;

/** One line of printable text, short enough to be read. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ").replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "\ufffd").trim();
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
}

/**
 * Prints text that a model or a file may have had a part in: a terminal gets it without control characters, which it
 * would obey; a file or a pipe gets it as it is.
 */
export function printForPeople(sink: TextSink, text: string): void {
  writeText(sink, sink.isTerminal() ? text.replaceAll(/(?![\n\t])\p{Cc}/gu, "") : text);
}

/**
 * Writes text to a stream, to its last byte. A task whose output nobody reads any more, as behind `| head`, has done its
 * work: it ends with exit 0.
 */
export function writeText(sink: ByteSink, text: string): void {
  try {
    writeAll(sink, new TextEncoder().encode(text));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    if (sink === Deno.stdout) Deno.exit(0);
  }
}
