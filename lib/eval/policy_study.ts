import type { PositionMode } from "../engine/mod.ts";
import { parseArm } from "./arm_name.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluatedModel } from "./evaluate_context.ts";
import type { CellStore, EvaluatedCell, FailedCell } from "./evaluated_cell.ts";
import { taskRows } from "./task_rows.ts";

/** Rows of one task, and the arms that are to answer them. */
export interface StudyStage {
  /** A task after RULER. */
  readonly task: string;
  /** Tokens that a prompt and its answer take at most. */
  readonly length: number;
  /** Rows; the first of more are the same. */
  readonly samples: number;
  /** Tokens after which an answer is cut, in place of the task's own. */
  readonly maxNewTokens?: number;
  /** Policies by name, `cut_prompt` among them if wanted, each `in` a row format if wanted. */
  readonly policies: readonly string[];
  /** Fractions of rows removed, each in [0, 1). */
  readonly ratios: readonly number[];
}

/** Options of {@linkcode policyStudy}. */
export interface PolicyStudyOptions {
  /** 42 by default. */
  readonly seed?: number;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Where finished cells are kept, so that another run goes on; nowhere by default. */
  readonly cells?: CellStore;
  /** Ends the study between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the cells done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** All cells of a study. */
export interface PolicyStudy {
  /** Stage by stage; where a task comes at several lengths, it goes by `task@length`. */
  readonly cells: readonly EvaluatedCell[];
  /** Cells that could not be had. */
  readonly failures: readonly FailedCell[];
}

/** Evaluates several tasks, each with policies and ratios of its own; the full cache is always among the arms. */
export async function policyStudy(
  model: EvaluatedModel,
  stages: readonly StudyStage[],
  { seed, onProgress, ...options }: PolicyStudyOptions = {},
): Promise<PolicyStudy> {
  const cells: EvaluatedCell[] = [];
  const failures: FailedCell[] = [];
  const sizes = stages.map(({ samples, policies, ratios }) => samples * (1 + policies.length * ratios.length));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let [done, first] = [0, 0];
  for (const [index, { task, length, samples, maxNewTokens, policies, ratios }] of stages.entries()) {
    const lengths = new Set(stages.filter((stage) => stage.task === task).map((stage) => stage.length));
    const name = lengths.size > 1 ? `${task}@${length}` : task;
    const rows = taskRows(model.tokenizer, task, { length, samples, seed, maxNewTokens });
    const arms = policies.map(parseArm).flatMap((method) =>
      ratios.map((compressionRatio) => ({ ...method, compressionRatio }))
    );
    const found = await evaluate(model, rows, arms, {
      ...options,
      onProgress: (finished) => onProgress?.(done + finished, total),
    });
    const placed = <Placed extends { index: number }>(cell: Placed) => ({
      ...cell,
      task: name,
      index: cell.index + first,
    });
    cells.push(...found.cells.map((cell) => ({ ...placed(cell), context: cell.context + first })));
    failures.push(...found.failures.map(placed));
    done += sizes[index];
    first += samples;
  }
  return { cells, failures };
}
