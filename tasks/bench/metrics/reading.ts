import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { bytes } from "../../../lib/report/table/number_format.ts";
import { createProgress } from "../../cli/progress.ts";
import { isOwn } from "../plan/bench_result.ts";
import { askOnce } from "../workers/system_process.ts";
import { holdsAllScores, type Launch } from "../workers/systems.ts";
import { noteVersion, type RunContext } from "./run_context.ts";
import { addMeasurements } from "./workloads.ts";

/** Rows a head that a bounded cache keeps. */
export const BOUNDED_ROWS = 1024;

/** Memory that reading may take of what is free: a peer that takes more would be ended by the system, or others would. */
const MEMORY_SHARE = 0.8;

/**
 * Seconds that a text takes to read: `read_full`, all rows kept, and by systems that bound a cache while they read,
 * `read_bounded`. A text is read once, in a process of its own: it takes minutes. Of this project's weights one format
 * is timed.
 */
export async function measureReading(
  launches: readonly Launch[],
  model: ResolvedModel,
  lengths: readonly number[],
  run: RunContext,
): Promise<void> {
  const { rows, signal } = run;
  using checkpoint = await readCheckpoint(model.path);
  const { maxPositionEmbeddings: limit, numAttentionHeads } = checkpoint.config;
  const reading = launches.filter(({ system }) => system === "kvmirror" || !isOwn(system));
  const progress = createProgress("texts read");
  for (const [index, context] of lengths.entries()) {
    for (const [place, launch] of reading.entries()) {
      const { system } = launch;
      const full = { system, metric: "read_full", context, unit: "s" };
      const scores = holdsAllScores(system) ? 4 * numAttentionHeads * context ** 2 : 0;
      const free = Deno.systemMemoryInfo().available;
      if (context > limit) {
        const reason = `the model's context is ${limit}`;
        for (const metric of isOwn(system) ? ["read_full", "read_bounded"] : ["read_full"]) {
          rows.miss({ ...full, metric }, reason);
        }
      } else if (scores > MEMORY_SHARE * free) {
        const reason = `it holds all scores of a layer at once, ${bytes(scores)}, and ${bytes(free)} are free`;
        rows.miss(full, reason);
      } else {
        const answer = await askOnce(launch, { measure: "read", context, rows: BOUNDED_ROWS }, signal);
        if ("reason" in answer) rows.miss(full, answer.reason);
        else {
          noteVersion(run, system, answer.version);
          addMeasurements(rows, system, context, answer.measured);
        }
      }
      await rows.step();
      progress.update(index * reading.length + place + 1, lengths.length * reading.length);
    }
  }
  progress.close();
}
