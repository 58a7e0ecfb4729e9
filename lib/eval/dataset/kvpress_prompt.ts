import type { Tokenizer } from "../../engine/mod.ts";
import { splitChatTemplate, userIds } from "../../engine/tokenizer/chat_template.ts";
import { encodeStart } from "../../engine/tokenizer/tokenizer.ts";
import type { DatasetRow } from "./dataset_row.ts";

/** When rows go: before the question is read (`agnostic`), or after it, just before the answer (`aware`). */
export type QuestionTiming = "agnostic" | "aware";

/** A row as token ids: what is read before the eviction, and what after it. */
export interface PromptIds {
  /** The user's turn opened, and the context; with the question if that is known. */
  readonly contextIds: readonly number[];
  /** Of these, the tokens before the context: what the template opens with. */
  readonly openingTokens: number;
  /** The question, the turn's end and the answer's beginning. */
  readonly questionIds: readonly number[];
}

/**
 * Puts a row together as kvpress 0.5.5's pipeline does: the chat template is split around the context; question, the
 * template's rest and the answer's beginning follow as one text; both are tokenised by themselves. A tokenizer without
 * template puts its first token before the context and a line break after the question. `aware` moves the question into
 * the context, as kvpress's `query_aware` does. Unlike there, special tokens in a row's texts are spelled: a dataset cannot
 * end the user's turn. A row whose template is `none` has nothing between its texts, and before
 * them what the checkpoint puts before every text.
 */
export function kvpressPrompt(
  tokenizer: Tokenizer,
  row: Pick<DatasetRow, "context" | "question" | "answer_prefix" | "template">,
  timing: QuestionTiming = "agnostic",
): PromptIds {
  const [context, question] = timing === "aware" ? [row.context + row.question, ""] : [row.context, row.question];
  const { open, close, whiteSpace } = row.template === "none"
    ? { open: "", close: "", whiteSpace: "kept" }
    : tokenizer.hasChatTemplate
    ? splitChatTemplate(tokenizer)
    : { open: tokenizer.bosToken, close: "\n", whiteSpace: "kept" };
  return {
    openingTokens: row.template === "none" ? tokenizer.startTokenIds.length : tokenizer.encode(open).length,
    contextIds: row.template === "none"
      ? encodeStart(tokenizer, context)
      : userIds(tokenizer, [open, whiteSpace === "trimmed" ? context.trimStart() : context, ""], "spelled"),
    questionIds: tokenizer.encode(question + close + row.answer_prefix, {
      spelled: row.template === "none" ? [] : [
        [0, question.length],
        [question.length + close.length, question.length + close.length + row.answer_prefix.length],
      ],
    }),
  };
}
