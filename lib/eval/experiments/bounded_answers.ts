import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type Bound, type Model, recordingsFor } from "../../engine/mod.ts";
import { keepAll } from "../../policies/keep_all.ts";
import type { Policy } from "../../policies/policy.ts";
import type { DatasetRow } from "../dataset/dataset_row.ts";
import { kvpressPrompt } from "../dataset/kvpress_prompt.ts";
import type { ScoredSample } from "../run/sample.ts";
import { scoreAnswer } from "../scorers/scorers.ts";

/** A policy, and the rows that a cache holds at most while the prompt is read and the answer written. */
export interface AnswerBound {
  /** Chooses the rows that stay; one that looks at the text a second time is refused. */
  readonly policy: Policy;
  /** Rows of a head as a share of the tokens of the prompt and the full cache's answer, in (0, 1). */
  readonly share: number;
}

/** Options of {@linkcode boundedAnswers}. */
export interface BoundedAnswersOptions {
  /** Tokens between two evictions; 8 by default. */
  readonly compressionInterval?: number;
  /** Ends the study between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the answers done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

const BOUNDED_ANSWERS_OPTIONS: OptionNames<BoundedAnswersOptions> = {
  compressionInterval: true,
  signal: true,
  onProgress: true,
};

/** What a model wrote under a bound. */
export interface BoundedAnswer extends ScoredSample {
  /** The answer, without its end token. */
  readonly prediction: string;
}

/**
 * Has rows answered while the cache stays within a share of what it would hold: rows are evicted as the answer is written,
 * every few tokens, as in kvpress's `DecodingPress`. Each row is answered once with all rows of the cache (`keep_all` at
 * ratio 0), whose tokens the shares are of. A share is said as a compression ratio, 1 less it. Divergence is not measured.
 *
 * @throws {RangeError} if a share is outside (0, 1) or leaves no room for a token, or the interval is no whole number
 * @throws {TypeError} if a policy needs a second look at the text
 */
export async function boundedAnswers(
  model: Model,
  rows: readonly DatasetRow[],
  bounds: readonly AnswerBound[],
  options: BoundedAnswersOptions = {},
): Promise<BoundedAnswer[]> {
  checkOptions("boundedAnswers", options, BOUNDED_ANSWERS_OPTIONS);
  const { compressionInterval = 8, signal, onProgress } = options;
  for (const { share } of bounds) {
    if (share > 0 && share < 1) continue;
    throw new RangeError(`Cannot answer in ${share} of the cache's rows as the share must be in (0, 1)`);
  }
  const samples: BoundedAnswer[] = [];
  const total = rows.length * (1 + bounds.length);
  for (const [index, row] of rows.entries()) {
    const { contextIds, questionIds } = kvpressPrompt(model.tokenizer, row);
    const ids = [...contextIds, ...questionIds];
    const write = async (policy: Policy, compressionRatio: number, bound?: Bound): Promise<number> => {
      using cache = model.createCache(recordingsFor(bound?.policy.signals ?? []));
      let peak = 0;
      const generation = model.generateFrom(ids, {
        ...{ cache, signal, maxNewTokens: row.max_new_tokens },
        ...(bound === undefined ? {} : { bound }),
        onLogits: () => peak = Math.max(peak, cache.liveBytes),
      });
      let [prediction, tokens] = ["", 0];
      for await (const { text } of generation) {
        prediction += text;
        tokens++;
      }
      samples.push({
        ...{ policy: policy.name, compression_ratio: compressionRatio, task: row.task, index, context: index },
        score: scoreAnswer(prediction, row),
        ...{ kl: [], agreement: [], answer_tokens: tokens, live_bytes: peak, prediction },
      });
      onProgress?.(samples.length, total);
      return ids.length + tokens;
    };
    const whole = await write(keepAll(), 0);
    for (const { policy, share } of bounds) {
      // A cache reaches its size and the interval: both are the share.
      const rows = Math.floor(share * whole) - compressionInterval;
      if (rows < 1) {
        throw new RangeError(
          `Cannot answer in ${share} of ${whole} rows as ${compressionInterval} are taken between two evictions: ` +
            `give a greater share or a smaller compressionInterval`,
        );
      }
      await write(policy, 1 - share, { policy, rows, compressionInterval });
    }
  }
  return samples;
}
