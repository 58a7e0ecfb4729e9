/** A notebook: cells in order, and what belongs to the whole of it. */
export interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Code that a kernel runs, or prose. */
export type Cell = CodeCell | TextCell;

/** A cell that a kernel runs. */
export interface CodeCell extends CellBase {
  readonly type: "code";
  /** The number that the kernel gave the run, from 1; `null` before it. */
  readonly executionCount: number | null;
  readonly outputs: readonly Output[];
}

/** A cell that is not run. */
export interface TextCell extends CellBase {
  readonly type: "markdown" | "raw";
  /** Files that its text shows, each by media type: `{ "a.png": { "image/png": base64 } }`. */
  readonly attachments?: Readonly<Record<string, unknown>>;
}

interface CellBase {
  /** Unique in its notebook. */
  readonly id: string;
  readonly source: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Whether `cell` carries `tag`. */
export function hasTag(cell: Cell, tag: string): boolean {
  const tags = cell.metadata.tags;
  return Array.isArray(tags) && tags.includes(tag);
}

/** What a cell showed, in the order in which it came. */
export type Output = StreamOutput | DisplayOutput | ErrorOutput;

/** Text on stdout or stderr. */
export interface StreamOutput {
  readonly type: "stream";
  readonly name: "stdout" | "stderr";
  text: string;
}

/** A value in its forms by media type: displayed on the way (`display`), or the cell's last expression (`result`). */
export interface DisplayOutput {
  readonly type: "display" | "result";
  data: Readonly<Record<string, unknown>>;
  metadata: Readonly<Record<string, unknown>>;
}

/** An error that ended the cell, or that was thrown beside it (in a display, a timer, an unhandled promise). */
export interface ErrorOutput {
  readonly type: "error";
  readonly name: string;
  readonly message: string;
  readonly traceback: readonly string[];
}

/** Whether a media type's content is JSON, not text. */
export function isJson(mediaType: string): boolean {
  return /^application\/(?:.*\+)?json$/.test(mediaType);
}
