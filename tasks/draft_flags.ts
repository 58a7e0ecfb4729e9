import { type Bound, type Draft, promptLookup } from "kvmirror/engine";
import { type Flags, type FlagTypes, UsageError } from "./cli.ts";
import type { Eviction } from "./live_flags.ts";

/** The flags of {@linkcode draftFromFlags}. */
export const DRAFT_FLAGS = { text: ["draft"] } as const satisfies FlagTypes;

/** The drafts that `--draft lookup` asks for; none without it. What the model would not ask is refused. */
export function draftFromFlags(flags: Flags, { rows }: Eviction, bound: Bound | undefined): Draft | undefined {
  const draft = flags.text("draft");
  if (draft === undefined) return undefined;
  if (draft !== "lookup") throw new UsageError(`Cannot draft by "${draft}" as the ways are: lookup`);
  const beside = bound !== undefined ? "--max-cache" : rows !== undefined ? "--rows" : undefined;
  if (beside === undefined) return promptLookup();
  throw new UsageError(
    `Cannot draft beside ${beside} as what is read of a draft may have to be taken back: leave out one of them`,
  );
}
