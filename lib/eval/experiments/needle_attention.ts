import type { KvCache, Model } from "../../engine/mod.ts";
import type { DatasetRow } from "../dataset/dataset_row.ts";
import { kvpressPrompt } from "../dataset/kvpress_prompt.ts";
import { laterAttention } from "../run/later_attention.ts";

/** How much one kv head looks at what is asked for. */
export interface NeedleAttention {
  /** From 0. */
  readonly layer: number;
  /** From 0. */
  readonly kv_head: number;
  /** Of the attention that the right answer pays to the context, the share that falls on the answer's own tokens there. */
  readonly share: number;
}

/** Rows at the beginning that every query looks at, whatever it is after. */
const SINK_TOKENS = 4;

/**
 * Which heads retrieve: the right answer is read after context and question, and each head's attention to the answer's
 * tokens where they stand in the context is set against all it pays to the context, sinks left out. After the retrieval
 * heads of Wu et al. 2024, https://arxiv.org/abs/2404.15574, with attention in place of its greatest entry.
 *
 * @param context the row's context as it was read, attention recorded; it stays as it is
 * @throws {RangeError} if the answer does not stand in the context
 */
export async function needleAttention(
  model: Pick<Model, "read" | "tokenizer">,
  context: KvCache,
  row: DatasetRow,
  signal?: AbortSignal,
): Promise<NeedleAttention[]> {
  const [answer] = row.answer;
  const contextIds = context.tokenIds();
  const { questionIds } = kvpressPrompt(model.tokenizer, row);
  const [first, end] = tokensOf(model.tokenizer, contextIds, answer);
  const answerIds = model.tokenizer.encode(` ${answer}`);
  using asked = context.fork();
  await model.read(asked, questionIds, { logitsOf: "none", attention: "record", signal });
  const later = await laterAttention(model, asked, answerIds, signal);
  return later.flatMap((heads, layer) =>
    heads.map((paid, kv_head) => {
      const sum = (from: number, to: number) => paid.subarray(from, to).reduce((total, value) => total + value, 0);
      return { layer, kv_head, share: sum(first, end) / sum(SINK_TOKENS, contextIds.length) };
    })
  );
}

/** The tokens from the first to the last that hold a part of `wanted`: the shortest segment whose text has it. */
function tokensOf(tokenizer: Model["tokenizer"], ids: readonly number[], wanted: string): [number, number] {
  const holds = (first: number, end: number) => tokenizer.decode(ids.slice(first, end)).includes(wanted);
  let [low, high] = [0, ids.length];
  if (!holds(low, high)) {
    throw new RangeError(`Cannot find ${JSON.stringify(wanted)} in the context as it is not there`);
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(0, middle)) high = middle;
    else low = middle + 1;
  }
  const end = high;
  for (let first = end - 1; first >= 0; first--) if (holds(first, end)) return [first, end];
  return [0, end];
}
