import type { DatasetRow } from "../dataset_row.ts";
import type { Draw } from "./draw.ts";

/** A prompt without its task's name and its length. */
export type TaskPrompt = Omit<DatasetRow, "task" | "length">;

/** How much a task's prompt holds: words, lines or blocks of noise. */
export interface TaskSize {
  /** Units of haystack; more make a longer prompt. */
  readonly size: number;
  /** Tokens that the prompt and its answer are to take, for tasks whose shape depends on it. */
  readonly length: number;
}

/** A task of RULER: how its prompts are written. */
export interface TaskDefinition {
  /** Units of haystack that a prompt has at least. */
  readonly leastSize: number;
  /** Writes a prompt; the same draw and size give the same. */
  write(draw: Draw, size: TaskSize): TaskPrompt;
}
