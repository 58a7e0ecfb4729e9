import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { Chat, type Model } from "../../engine/mod.ts";
import { keepAll } from "../../policies/keep_all.ts";
import type { Policy } from "../../policies/policy.ts";
import type { ConversationTurn } from "../dataset/fact_conversation.ts";
import type { ScoredSample } from "../run/sample.ts";
import { scoreAnswer } from "../scorers/scorers.ts";

/** A policy, and the bytes that it keeps a conversation within. */
export interface ConversationBound {
  /** Chooses the rows that stay; one that looks at the text a second time is refused. */
  readonly policy: Policy;
  /** Bytes of keys and values as a share of what the whole conversation takes, in (0, 1). */
  readonly share: number;
}

/** Options of {@linkcode boundedConversations}. */
export interface BoundedConversationsOptions {
  /** Tokens of an answer; 16 by default. */
  readonly maxNewTokens?: number;
  /** Ends the study between two turns. */
  readonly signal?: AbortSignal;
  /** Called with the conversations done and their number, each under each bound. */
  readonly onProgress?: (done: number, total: number) => void;
}

const BOUNDED_CONVERSATIONS_OPTIONS: OptionNames<BoundedConversationsOptions> = {
  maxNewTokens: true,
  signal: true,
  onProgress: true,
};

/** What a chat answered to one question of a conversation. */
export interface ConversationSample extends ScoredSample {
  /** What the model said. */
  readonly prediction: string;
}

/**
 * Holds conversations in chats that stay within their bytes, and scores what they answer: rows are evicted while the
 * conversation goes on, before anybody knows what will be asked. Each conversation is held once with all rows (`keep_all` at
 * ratio 0), whose bytes the shares are of. A share is said as a compression ratio, 1 less it. Divergence is not measured.
 *
 * @throws {RangeError} if a share is outside (0, 1), or its bytes do not hold a turn
 * @throws {TypeError} if a policy needs a second look at the text
 */
export async function boundedConversations(
  model: Model,
  conversations: readonly (readonly ConversationTurn[])[],
  bounds: readonly ConversationBound[],
  options: BoundedConversationsOptions = {},
): Promise<ConversationSample[]> {
  checkOptions("boundedConversations", options, BOUNDED_CONVERSATIONS_OPTIONS);
  const { maxNewTokens = 16, signal, onProgress } = options;
  for (const { share } of bounds) {
    if (share > 0 && share < 1) continue;
    throw new RangeError(`Cannot hold a conversation in ${share} of its bytes as the share must be in (0, 1)`);
  }
  const samples: ConversationSample[] = [];
  const total = conversations.length * (1 + bounds.length);
  let done = 0;
  for (const [context, turns] of conversations.entries()) {
    const hold = async (policy: Policy, compressionRatio: number, maxBytes?: number): Promise<number> => {
      signal?.throwIfAborted();
      const { answers, bytes } = await converse(model, turns, { policy, maxBytes, maxNewTokens, signal });
      for (const [place, { prediction, tokens, answer, liveBytes }] of answers.entries()) {
        samples.push({
          policy: policy.name,
          compression_ratio: compressionRatio,
          task: "conversation",
          index: context * answers.length + place,
          context,
          score: scoreAnswer(prediction, { task: "conversation", answer: [answer] }),
          kl: [],
          agreement: [],
          answer_tokens: tokens,
          live_bytes: liveBytes,
          prediction,
        });
      }
      onProgress?.(++done, total);
      return bytes;
    };
    const wholeBytes = await hold(keepAll(), 0);
    for (const { policy, share } of bounds) await hold(policy, 1 - share, Math.floor(share * wholeBytes));
  }
  return samples;
}

/** One answer of a chat, to a question whose right answer is known. */
interface ChatAnswer {
  readonly prediction: string;
  readonly tokens: number;
  readonly answer: string;
  /** Bytes of the cache when the answer was done. */
  readonly liveBytes: number;
}

/** Holds one conversation; gives its scored answers, and the bytes of all rows that it ever read. */
async function converse(
  model: Model,
  turns: readonly ConversationTurn[],
  { policy, maxBytes, maxNewTokens, signal }: {
    readonly policy: Policy;
    readonly maxBytes?: number;
    readonly maxNewTokens: number;
    readonly signal?: AbortSignal;
  },
): Promise<{ answers: ChatAnswer[]; bytes: number }> {
  const chat = await Chat.open(model, { policy, maxNewTokens, ...(maxBytes === undefined ? {} : { maxBytes }) });
  using cache = chat.cache;
  const answers: ChatAnswer[] = [];
  for (const { says, answer } of turns) {
    let [prediction, tokens] = ["", 0];
    for await (const { text } of chat.ask(says, { signal })) {
      prediction += text;
      tokens++;
    }
    signal?.throwIfAborted();
    if (answer !== undefined) answers.push({ prediction, tokens, answer, liveBytes: cache.liveBytes });
  }
  return { answers, bytes: cache.fullBytes };
}
