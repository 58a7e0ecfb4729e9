import { escapeMarkdown } from "../render/escape.ts";

/**
 * Where a report's numbers are from: what it takes to make them again. Commit, versions, dates and timings differ from
 * run to run, so they are kept elsewhere (`deno task reproduce` writes them into a file of their own).
 */
export interface Provenance {
  /** The command that makes the report again. */
  readonly command: string;
  /** The weights that were run; absent where none were. */
  readonly model?: ModelProvenance;
  /** The seed of every random stream in it. */
  readonly seed: number;
}

/** The weights that were run. */
export interface ModelProvenance {
  /** As the model is called on the command line. */
  readonly name: string;
  /** `f32`, `int8` or `int4`. */
  readonly weights: string;
  /** sha256 of the checkpoint's content, hex. */
  readonly hash: string;
}

/**
 * Writes `provenance` as one line of Markdown.
 *
 * @example
 * ```ts
 * import { provenanceLine } from "kvmirror/report";
 *
 * provenanceLine({ command: "deno task reproduce", seed: 42 }); // "*Made by `deno task reproduce`; no model; seed 42.*"
 * ```
 */
export function provenanceLine({ command, model, seed }: Provenance): string {
  const weights = model === undefined
    ? "no model"
    : `model ${escapeMarkdown(model.name)}, ${model.weights} weights, sha256 \`${model.hash}\``;
  return `*Made by \`${command.replaceAll("`", "'")}\`; ${weights}; seed ${seed}.*`;
}
