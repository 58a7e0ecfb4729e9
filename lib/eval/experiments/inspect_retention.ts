import {
  type Bound,
  type BoundSize,
  type KvCache,
  type Model,
  prefillRecordings,
  recordingsFor,
  tokenTexts,
} from "../../engine/mod.ts";
import type { InspectedFrame, InspectedTrack, Inspection } from "../../metrics/inspection.ts";
import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { Policy } from "../../policies/policy.ts";
import { evictedForks } from "../run/evicted_forks.ts";

/** What {@linkcode inspectRetention} runs. */
export interface InspectRetentionOptions {
  /** What is asked after the text: it closes the user's turn. */
  readonly question: string;
  /** The policies, in the order in which they are shown. */
  readonly policies: readonly Policy[];
  /** Fractions of rows that are evicted, each in [0, 1). */
  readonly compressionRatios: readonly number[];
  /** Where given, each policy also reads the text within this size, evicting every `compressionInterval` tokens. */
  readonly bound?: BoundSize & { readonly compressionInterval: number };
  /** Tokens of an answer, 24 by default. */
  readonly maxNewTokens?: number;
  /** Ends the runs between two steps. */
  readonly signal?: AbortSignal;
  /** Called after each answer, with the answers so far and in all. */
  readonly onProgress?: (answered: number, total: number) => void;
}

const OPTIONS: OptionNames<InspectRetentionOptions> = {
  question: true,
  policies: true,
  compressionRatios: true,
  bound: true,
  maxNewTokens: true,
  signal: true,
  onProgress: true,
};

/** Tokens of an answer where nothing else is said: a sentence. */
const ANSWER_TOKENS = 24;

/**
 * Runs policies on one text for the inspector: the text is read once, and a fork for each policy and ratio is evicted
 * from and asked the question. With a bound, each policy also reads the text anew within it; one that needs a second
 * look at the text cannot, and a note says so.
 *
 * @throws {TypeError} if an option has no such name
 * @throws {RangeError} if there are no policies or ratios, or the text does not fit
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { inspectRetention } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const { tracks } = await inspectRetention(model, "The special number for whale is 4711. The rain fell.", {
 *   question: "What is the special number for whale?",
 *   policies: [policy("knorm")],
 *   compressionRatios: [0, 0.5],
 * });
 * assertEquals(tracks[0].frames.map(({ compressionRatio }) => compressionRatio), [0, 0.5]);
 * ```
 */
export async function inspectRetention(
  model: Model,
  text: string,
  options: InspectRetentionOptions,
): Promise<Inspection> {
  checkOptions("inspectRetention", options, OPTIONS);
  const { question, policies, bound, signal, onProgress, maxNewTokens = ANSWER_TOKENS } = options;
  const ratios = [...new Set(options.compressionRatios)].sort((one, other) => one - other);
  if (policies.length === 0 || ratios.length === 0) {
    throw new RangeError(
      `Cannot inspect ${policies.length} policies at ${ratios.length} ratios: give at least one of each`,
    );
  }
  using context = await model.prefill(text, {
    recordings: prefillRecordings(policies.flatMap(({ signals }) => signals)),
    signal,
  });
  const ids = context.tokenIds();
  const total = policies.length * (ratios.length + (bound === undefined ? 0 : 1));
  let answered = 0;
  const answer = async (cache: KvCache, within?: Bound): Promise<string> => {
    const asked = await model.generate(question, { cache, bound: within, maxNewTokens, signal });
    onProgress?.(++answered, total);
    return asked.text.trim();
  };
  const tracks: InspectedTrack[] = [];
  const evicted = evictedForks(context);
  for (const policy of policies) {
    const frames: InspectedFrame[] = [];
    for (const compressionRatio of ratios) {
      using cache = await evicted(policy, compressionRatio, { signal });
      const frame = { ...heldNow(cache), compressionRatio };
      frames.push({ ...frame, answer: await answer(cache) });
    }
    tracks.push({ policy: policy.name, along: "ratio", frames });
  }
  const notes: string[] = [];
  for (const policy of bound === undefined ? [] : policies) {
    const within: Bound = { ...bound!, policy };
    using cache = model.createCache(recordingsFor(policy.signals));
    const frames: InspectedFrame[] = [];
    try {
      for (let start = 0; start < ids.length; start += within.compressionInterval) {
        const next = ids.slice(start, start + within.compressionInterval);
        await model.read(cache, next, { logitsOf: "none", bound: within, signal });
        frames.push(heldNow(cache));
      }
    } catch (error) {
      // Only before anything was read does it say that this policy cannot be bounded.
      if (!(error instanceof TypeError) || frames.length > 0) throw error;
      notes.push(error.message);
      onProgress?.(++answered, total);
      continue;
    }
    const last = frames.pop()!;
    frames.push({ ...last, answer: await answer(cache, within) });
    tracks.push({ policy: policy.name, along: "tokens", frames });
  }
  const { origin, tokenizer } = model;
  return {
    model: `${origin.name}, ${origin.weights} weights`,
    question,
    tokens: tokenTexts(tokenizer, ids),
    tracks,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** What a cache holds now: each head's positions, the bytes, and the tokens read. */
function heldNow(cache: KvCache): InspectedFrame {
  return { tokens: cache.tokenCount, liveBytes: cache.liveBytes, kept: cache.keptPositions() };
}
