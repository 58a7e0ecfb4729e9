import { createHash } from "node:crypto";
import { DEFAULT_TAPS, type KvCache, type Model, type PositionMode } from "../engine/mod.ts";
import { keepAll } from "../policies/keep_all.ts";
import type { Policy } from "../policies/policy.ts";
import { answerRow, type AskedQuestion, type ReferenceAnswer, referenceAnswer } from "./answer_row.ts";
import type { QuestionTiming } from "./answer_study.ts";
import type { ArmName, Cell, CellStore, EvaluatedCell, FailedCell } from "./evaluated_cell.ts";
import type { EvaluationRow } from "./evaluation_row.ts";
import { kvpressPrompt, type PromptIds } from "./kvpress_prompt.ts";
import { oracle } from "./oracle.ts";
import { stringMatch } from "./string_match.ts";

/** One way to evict; `oracle` is the policy that knows what will be asked, see {@linkcode oracle}. */
export interface EvaluationArm {
  /** Chooses the rows that stay. */
  readonly policy: Policy | "oracle";
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
}

/** What an evaluation needs of a model. */
export type EvaluatedModel = Pick<Model, "read" | "createCache" | "tokenizer" | "config" | "hash" | "origin">;

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** `agnostic` by default: rows go before the question is read. */
  readonly timing?: QuestionTiming;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Where finished cells are kept, so that another run goes on; nowhere by default. */
  readonly cells?: CellStore;
  /** Ends the evaluation between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the cells done, those that were found finished, and their number. */
  readonly onProgress?: (done: number, found: number, total: number) => void;
}

/** All cells of an evaluation. */
export interface Evaluation {
  /** In the order of the arms, then of the rows; the full cache's first. */
  readonly cells: readonly EvaluatedCell[];
  /** Cells that could not be had. */
  readonly failures: readonly FailedCell[];
}

/** Raised where the same row and arm would give another cell than before. */
const CELL_VERSION = 1;
const FULL_CACHE: EvaluationArm = { policy: keepAll(), compressionRatio: 0 };

/**
 * Asks every row under every arm, the full cache first. Rows of one context share one prefill, and all arms fork from
 * it, so scores are paired. A cell that fails is reported, and the others go on.
 *
 * @throws {Error} the signal's reason, if that ends the evaluation
 *
 * @example
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { evaluate, resultRows, parseEvaluationRows } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const rows = parseEvaluationRows(await Deno.readTextFile("rows.jsonl"), "rows.jsonl");
 * const { cells } = await evaluate(model, rows, [{ policy: policy("hybrid"), compressionRatio: 0.5 }]);
 * resultRows(cells);
 * ```
 */
export async function evaluate(
  model: EvaluatedModel,
  rows: readonly EvaluationRow[],
  arms: readonly EvaluationArm[],
  { timing = "agnostic", positions = "logical", cells: store, signal, onProgress }: EvaluateOptions = {},
): Promise<Evaluation> {
  const all = [FULL_CACHE, ...arms];
  const cells: (EvaluatedCell | undefined)[] = Array(all.length * rows.length);
  const failures: FailedCell[] = [];
  const contexts = Map.groupBy(rows.keys(), (index) => contextText(rows[index], timing));
  const ids = [...contexts.keys()];
  const total = cells.length;
  let done = 0;
  let found = 0;
  const place = (arm: number, index: number, cell: Cell) => {
    const row = rows[index];
    const score = stringMatch(row.task, cell.prediction, row.answer);
    const context = ids.indexOf(contextText(row, timing));
    cells[arm * rows.length + index] = { ...nameOf(all[arm]), index, context, task: row.task, score, row, ...cell };
    onProgress?.(++done, found, total);
  };
  const fail = (arm: number, index: number, error: unknown) => {
    if (signal?.aborted) throw signal.reason;
    failures.push({ ...nameOf(all[arm]), index, task: rows[index].task, reason: reasonOf(error) });
    onProgress?.(++done, found, total);
  };
  const keys = all.map((arm) => rows.map((row) => cellKey(model, arm, row, timing, positions)));
  for (const indices of contexts.values()) {
    const missing = all.map(() => [] as number[]);
    for (const [arm, left] of missing.entries()) {
      for (const index of indices) {
        const cell = store?.read(keys[arm][index]);
        if (cell === undefined) left.push(index);
        else {
          found++;
          place(arm, index, cell);
        }
      }
    }
    const wanted = new Set(missing.flat());
    if (wanted.size === 0) continue;
    try {
      using context = model.createCache(DEFAULT_TAPS);
      const asked = new Map<number, AskedQuestion>();
      const references = new Map<number, ReferenceAnswer>();
      for (const index of wanted) {
        const prompt = kvpressPrompt(model.tokenizer, rows[index], timing);
        if (context.tokenCount === 0) await model.read(context, prompt.contextIds, { logitsOf: "none", signal });
        asked.set(index, askedQuestion(prompt, rows[index]));
        references.set(index, await referenceAnswer(model, context, asked.get(index)!, signal));
      }
      for (const [arm, left] of missing.entries()) {
        for (const index of left) {
          try {
            using cache = await compressed(model, context, all[arm], positions, [
              ...asked.get(index)!.questionIds,
              ...references.get(index)!.ids.slice(0, -1),
            ], signal);
            const cell = await answerRow(model, cache, asked.get(index)!, references.get(index)!, signal);
            store?.write(keys[arm][index], cell);
            place(arm, index, cell);
          } catch (error) {
            fail(arm, index, error);
          }
        }
      }
    } catch (error) {
      for (const [arm, left] of missing.entries()) for (const index of left) fail(arm, index, error);
    }
  }
  return { cells: cells.filter((cell) => cell !== undefined), failures };
}

/** An arm's name. */
export function nameOf({ policy, compressionRatio }: EvaluationArm): ArmName {
  return { policy: policy === "oracle" ? policy : policy.name, compression_ratio: compressionRatio };
}

async function compressed(
  model: EvaluatedModel,
  context: KvCache,
  { policy, compressionRatio }: EvaluationArm,
  positions: PositionMode,
  laterIds: readonly number[],
  signal?: AbortSignal,
): Promise<KvCache> {
  const chooser = policy === "oracle" ? await oracle(model, context, laterIds, signal) : policy;
  const cache = context.fork();
  cache.compress(chooser, { compressionRatio, positions });
  return cache;
}

function askedQuestion({ questionIds }: PromptIds, { max_new_tokens }: EvaluationRow): AskedQuestion {
  return { questionIds, maxNewTokens: max_new_tokens };
}

function contextText({ context, question }: EvaluationRow, timing: QuestionTiming): string {
  return timing === "aware" ? context + question : context;
}

/** sha256, hex, of all that a cell depends on but the code. */
function cellKey(
  { hash, origin }: EvaluatedModel,
  arm: EvaluationArm,
  { context, question, answer_prefix, max_new_tokens }: EvaluationRow,
  timing: QuestionTiming,
  positions: PositionMode,
): string {
  const { policy, compression_ratio } = nameOf(arm);
  const parts = [CELL_VERSION, hash, origin.weights, policy, compression_ratio, timing, positions];
  return createHash("sha256")
    .update(JSON.stringify([...parts, context, question, answer_prefix, max_new_tokens])).digest("hex");
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replaceAll(/\s*\n\s*/g, " ").trim();
}
