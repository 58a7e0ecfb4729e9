import { budgetForRatio } from "../policies/budget.ts";
import { DEFAULT_TAPS, type KvCache, type Model, type PositionMode } from "../engine/mod.ts";
import type { Policy } from "../policies/policy.ts";
import type { ArmMethod } from "./arm_name.ts";
import { answerRow, type AskedQuestion, referenceAnswer } from "./answer_row.ts";
import type { Cell } from "./evaluated_cell.ts";
import { type ContextChoices, contextChoices } from "./context_choices.ts";
import { CUT_PROMPT, cutPrompt } from "./cut_prompt.ts";
import type { PromptIds } from "./kvpress_prompt.ts";
import { foreseen, laterAttention } from "./later_attention.ts";

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
  const choices = contextChoices(context);
  for (const question of questions) {
    const reference = read instanceof Error
      ? read
      : await attempt(() => referenceAnswer(model, context, question, signal));
    let later: Float32Array[][] | undefined;
    for (const arm of question.arms as readonly Question["arms"][number][]) {
      const cell = reference instanceof Error ? reference : await attempt(async () => {
        if (arm.policy !== CUT_PROMPT && arm.policy.needs.includes("laterAttention")) {
          const ids = [...question.questionIds, ...reference.ids.slice(0, -1)];
          later ??= await laterAttention(model, context, ids, signal);
        }
        using cache = arm.policy === CUT_PROMPT
          ? await cutPrompt(model, question, arm.compressionRatio, signal)
          : await compressed(context, choices, arm.policy, arm.compressionRatio, positions, later, signal);
        if (arm.rows !== undefined) cache.quantise(arm.rows);
        return await answerRow(model, cache, question satisfies AskedQuestion, reference, signal);
      });
      yield { question, arm, cell };
    }
  }
}

async function compressed(
  context: KvCache,
  choices: ContextChoices,
  policy: Policy,
  compressionRatio: number,
  positions: PositionMode,
  later: Float32Array[][] | undefined,
  signal?: AbortSignal,
): Promise<KvCache> {
  const known = { name: policy.name, needs: policy.needs.filter((need) => need !== "laterAttention") };
  await context.observe(known, { signal });
  const choice = later === undefined || known.needs.length === policy.needs.length
    ? choices(policy, compressionRatio)
    : policy.choose(foreseen(context.layers(), later), budgetForRatio(context.longestHead, compressionRatio));
  const cache = context.fork();
  cache.keep(choice, positions, policy.name);
  return cache;
}
