import { DEFAULT_TAPS, type Model, type PositionMode } from "../engine/mod.ts";
import type { ArmMethod } from "./arm_name.ts";
import { answerRow, type AskedQuestion, referenceAnswer } from "./answer_row.ts";
import type { Cell } from "./evaluated_cell.ts";
import { CUT_PROMPT, cutPrompt } from "./cut_prompt.ts";
import { evictedForks } from "./evicted_forks.ts";
import type { PromptIds } from "./kvpress_prompt.ts";
import { type LaterAttention, laterAttention } from "./later_attention.ts";

/** One way to evict. */
export interface EvaluationArm extends ArmMethod {
  /** Fraction of rows removed, in [0, 1). */
  readonly compressionRatio: number;
}

/** What an evaluation needs of a model. */
export type EvaluatedModel = Pick<Model, "read" | "createCache" | "tokenizer" | "config" | "hash" | "origin">;

/** A question about a context, and the arms that are to answer it. */
export interface ContextQuestion extends PromptIds {
  readonly maxNewTokens: number;
  readonly arms: readonly EvaluationArm[];
}

/** What became of one arm and question. */
export interface ContextOutcome<Question extends ContextQuestion> {
  readonly question: Question;
  readonly arm: Question["arms"][number];
  /** The cell, or why there is none. */
  readonly cell: Cell | Error;
}

/**
 * Answers questions about one context under their arms: the context is read once, and every arm forks from it. What
 * fails is given as an error, and the others go on; nothing else is thrown than the signal's reason.
 */
export async function* evaluateContext<Question extends ContextQuestion>(
  model: EvaluatedModel,
  questions: readonly Question[],
  positions: PositionMode,
  signal?: AbortSignal,
): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
  const attempt = async <Result>(make: () => Promise<Result>): Promise<Result | Error> => {
    try {
      return await make();
    } catch (error) {
      signal?.throwIfAborted();
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  using context = model.createCache(DEFAULT_TAPS);
  const read = await attempt(() => model.read(context, questions[0].contextIds, { logitsOf: "none", signal }));
  const evicted = evictedForks(context, positions);
  for (const question of questions) {
    const reference = read instanceof Error
      ? read
      : await attempt(() => referenceAnswer(model, context, question, signal));
    let later: LaterAttention | undefined;
    for (const arm of question.arms as readonly Question["arms"][number][]) {
      const cell = reference instanceof Error ? reference : await attempt(async () => {
        if (arm.policy !== CUT_PROMPT && arm.policy.needs.includes("laterAttention")) {
          const ids = [...question.questionIds, ...reference.ids.slice(0, -1)];
          later ??= await laterAttention(model, context, ids, signal);
        }
        using cache = arm.policy === CUT_PROMPT
          ? await cutPrompt(model, question, arm.compressionRatio, signal)
          : await evicted(arm.policy, arm.compressionRatio, { later, signal });
        if (arm.rows !== undefined) cache.quantise(arm.rows);
        return await answerRow(model, cache, question satisfies AskedQuestion, reference, signal);
      });
      yield { question, arm, cell };
    }
  }
}
