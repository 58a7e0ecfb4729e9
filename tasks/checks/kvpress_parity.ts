import type { KvCache, Model } from "kvmirror/engine";
import { type Budget, budgetForRatio, type Choice, type Policy, policy } from "kvmirror/policies";
import { gunzipSync } from "node:zlib";
import { logProbabilities } from "../../lib/numeric/log_probabilities.ts";
import { chunkMeans } from "../../lib/policies/chunkkv.ts";
import { CHUNK_RECORDINGS } from "../../lib/engine/signals/signals.ts";
import { raisedScores } from "../../lib/policies/define_policy.ts";

/** What tests/goldens/make_policy_goldens.py writes for one text. */
export interface PolicyGolden {
  readonly text: string;
  readonly ids: readonly number[];
  readonly question: readonly number[];
  /** By policy, then by compression ratio. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, GoldenCase>>>>;
}

/** What kvpress did with one policy and ratio. */
export interface GoldenCase {
  /** Bits by layer and head, each head from a byte of its own: gzip, base64. */
  readonly rows: string;
  /** The most likely tokens after the question. */
  readonly top: { readonly ids: readonly number[]; readonly logprobs: readonly number[] };
}

/** How one case compares; a type, as tables take it. */
export type ParityRow = {
  readonly tokens: number;
  readonly policy: string;
  readonly compression_ratio: number;
  /** Rows that kvpress keeps. */
  readonly kept: number;
  /** The share of them, or of ours where we keep more, that both keep; rows tied with the lowest kept one are the same. */
  readonly same: number;
  /** How many of them were so tied. */
  readonly tied: number;
  /** Of rows only kvpress keeps, the largest |score − lowest kept score| over the head's spread of scores. */
  readonly score_gap: number;
  /** Of kvpress's five most likely tokens after the question, on its rows, the largest difference of log-probabilities. */
  readonly logprob_difference: number;
  /** Time to choose, ms. */
  readonly choose_ms: number;
};

/** Runs the cases of one golden text on a model in float32; yields them one by one. */
export async function* parityRows(model: Model, golden: PolicyGolden): AsyncGenerator<ParityRow, void, undefined> {
  using context = model.createCache(["all", 1, 64, "moments", ...CHUNK_RECORDINGS]);
  await model.read(context, golden.ids, { logitsOf: "none" });
  for (const [name, cases] of Object.entries(golden.cases)) {
    const chooser = policy(name);
    await context.observe(chooser);
    for (const [ratio, { rows, top }] of Object.entries(cases)) {
      const theirs = unpack(rows, golden.ids.length, context);
      const budget = budgetForRatio(golden.ids.length, Number(ratio));
      const started = performance.now();
      const choice = chooser.choose(context.layers(), budget);
      const choose_ms = performance.now() - started;
      using cache = context.fork();
      cache.keep(theirs);
      const logits = await model.read(cache, golden.question, { attention: "skip" });
      const logprobs = logProbabilities(logits);
      yield {
        tokens: golden.ids.length,
        policy: name,
        compression_ratio: Number(ratio),
        ...compare(chooser, firstStage(name), budget, choice, theirs, context),
        logprob_difference: Math.max(...top.ids.map((id, place) => Math.abs(logprobs[id] - top.logprobs[place]))),
        choose_ms,
      };
    }
  }
}

function unpack(encoded: string, tokens: number, { shape }: KvCache): Choice {
  const bits = gunzipSync(Uint8Array.fromBase64(encoded));
  const bytes = Math.ceil(tokens / 8);
  return Array.from({ length: shape.layerCount }, (_, layer) =>
    Array.from({ length: shape.kvHeadCount }, (_, head) => {
      const own = bits.subarray((layer * shape.kvHeadCount + head) * bytes);
      const rows = [...Array(tokens).keys()].filter((row) => (own[row >> 3] >> (row & 7)) & 1);
      return { rows: Uint32Array.from(rows) };
    }));
}

/** Scores that differ by less, relatively, are tied: sums of the same numbers in float32 differ by as much. */
const TIE = 1e-6;
/** Rows of chunkkv's chunks. */
const CHUNK = 20;

/** The policy whose scores alone fill the first half of criticalkv's budget. */
function firstStage(name: string): Policy | undefined {
  return name.startsWith("criticalkv(") ? policy(name.slice("criticalkv(".length, -1)) : undefined;
}

/**
 * Rows that tie with a head's lowest kept one count as the same: which of them PyTorch's topk takes is arbitrary. For
 * chunkkv a row's score is its chunk's, and as the last chunk may be short, a tie may change the number of rows.
 * Criticalkv's first stage ties where the protected window is longer than that stage.
 */
function compare(
  { name, definition, size }: Policy,
  first: Policy | undefined,
  budget: Budget,
  choice: Choice,
  theirs: Choice,
  cache: KvCache,
): Pick<ParityRow, "kept" | "same" | "tied" | "score_gap"> {
  const layers = cache.layers();
  let [kept, both, tied, score_gap] = [0, 0, 0, 0];
  choice.forEach((heads, layer) => {
    const raised = definition && raisedScores(definition, layers[layer], budget);
    const means = raised && name.startsWith("chunkkv(") && chunkMeans(raised, CHUNK);
    const scores = means ? raised.map((own) => own.map((_, row) => means[Math.floor(row / CHUNK)])) : raised;
    const inner = first?.definition && raisedScores(first.definition, layers[layer], budget);
    heads.forEach(({ rows }, head) => {
      const mine = new Set(rows);
      const own = scores?.[head];
      const cut = own && rows.reduce((least, row) => Math.min(least, own[row]), Infinity);
      const spread = own && range(own);
      const innerCut = inner && [...inner[head]].sort((one, other) => other - one)[(rows.length >> 1) - 1];
      kept += theirs[layer][head].rows.length;
      for (const row of theirs[layer][head].rows) {
        if (mine.has(row)) both++;
        else if (own !== undefined && Math.abs(own[row] - cut!) <= TIE * Math.abs(cut!)) tied++;
        else if (inner?.[head][row] === innerCut && inner !== undefined) tied++;
        else if (own !== undefined) score_gap = Math.max(score_gap, Math.abs(own[row] - cut!) / spread!);
      }
    });
  });
  const ours = choice.flat().reduce((sum, { rows }) => sum + rows.length, 0);
  if (ours !== kept && tied === 0 && size !== "own") {
    throw new RangeError(`Cannot compare ${ours} rows with kvpress's ${kept}: the budgets differ`);
  }
  // Where the text sets how many stay, rows too many are as wrong as rows too few.
  return { kept, same: (both + tied) / (size === "own" ? Math.max(kept, ours) : kept), tied, score_gap };
}

function range(values: ArrayLike<number>): number {
  let [least, most] = [Infinity, -Infinity];
  for (let index = 0; index < values.length; index++) {
    least = Math.min(least, values[index]);
    most = Math.max(most, values[index]);
  }
  return most - least;
}
