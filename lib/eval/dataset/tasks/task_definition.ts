import type { DatasetRow } from "../dataset_row.ts";
import type { Draw } from "./draw.ts";

/** A prompt without its task's name and its length. */
export type TaskPrompt = Omit<DatasetRow, "task" | "length">;

/** How much a task's prompt holds, in words, lines or blocks of noise, and what it asks. */
export interface TaskSize {
  /** Units of haystack; more make a longer prompt. */
  readonly size: number;
  /** Tokens that the prompt and its answer are to take, for tasks whose shape depends on it. */
  readonly length: number;
  /** Which of the text's questions is asked, from 0; 0 where there is one. */
  readonly question: number;
}

/** How a task's prompts are written. */
export interface TaskDefinition {
  /** Rows in a row that ask the same text; 1 by default. */
  readonly questions?: number;
  /** Units of haystack that a prompt has at least. */
  readonly leastSize: number;
  /** Writes a prompt; the same draw and size give the same. */
  write(draw: Draw, size: TaskSize): TaskPrompt;
}
