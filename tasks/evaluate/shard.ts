import type { EvaluationRow } from "kvmirror/eval";
import { type Flags, UsageError } from "../cli.ts";

/** One part of the contexts: `--shard 0/2` is every second one, from the first on. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** The shard that `--shard` names; undefined for all contexts. */
export function shardFromFlags(flags: Flags): Shard | undefined {
  const text = flags.text("shard");
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (count !== undefined && Number(index) < Number(count)) return { index: Number(index), count: Number(count) };
  throw new UsageError(`Cannot evaluate --shard ${text} as it must be a part and their number: write it like 0/2`);
}

/** Rows of a shard's contexts; rows of one context stay together, as they share its prefill. */
export function shardRows(rows: readonly EvaluationRow[], { index, count }: Shard): EvaluationRow[] {
  const places = new Map([...new Set(rows.map(({ context }) => context))].map((context, place) => [context, place]));
  return rows.filter(({ context }) => places.get(context)! % count === index);
}
