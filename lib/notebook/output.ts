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
