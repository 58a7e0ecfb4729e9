import type { ScoredSample } from "../../eval/run/sample.ts";
import { taskScores } from "../../eval/scores/task_scores.ts";
import { mean } from "../../numeric/mean.ts";

/** Samples of one run on one model. */
export interface ScoredRun {
  /** The notebook that shows them. */
  readonly notebook: string;
  /** The model's name. */
  readonly model: string;
  /** How its weights were held. */
  readonly weights: string;
  /** Samples of settings; a full float32 cache answers every row too. */
  readonly samples: readonly ScoredSample[];
}

/** A line of the leaderboard: one setting's score on one task, or on several of one length. */
export interface LeaderboardRow extends Omit<ScoredRun, "samples"> {
  /** The policy's name. */
  readonly policy: string;
  /** How rows are held: `f32`, `int8`. */
  readonly dtype: string;
  /** Fraction of rows removed, in [0, 1). */
  readonly ratio: number;
  /** The task, or how many of which length. */
  readonly task: string;
  /** The tasks that the score is the mean of, where it is of several. */
  readonly tasks: readonly string[];
  /** Mean score, in [0, 1]. */
  readonly score: number;
  /** Lower end of the score's 95 % interval. */
  readonly low: number;
  /** Upper end of the score's interval. */
  readonly high: number;
  /** Samples. */
  readonly n: number;
  /** Bytes of the rows that stay, as a share of the full cache's bytes with 16 bits a number. */
  readonly share: number;
  /** The full cache's score on the same samples. */
  readonly full: number;
}

/** What a full cache is called. */
const FULL = "keep_all";

/** A task counts where the full cache scores as much: the gate of every report. */
const GATE = 0.5;

/**
 * The leaderboard of some runs: first, for each length and ratio, the mean over the tasks that the full cache solves, of
 * the settings that were asked on all of them; then every setting on every task. Best scores first.
 */
export function leaderboardRows(runs: readonly ScoredRun[]): LeaderboardRow[] {
  return runs.flatMap((run) => {
    const byTask = Map.groupBy(run.samples, ({ task }) => task);
    const single = [...byTask].flatMap(([task, samples]) => rowsOf(run, task, [task], samples, samples));
    return [...pooledRows(run, byTask), ...single];
  });
}

function pooledRows(run: ScoredRun, byTask: ReadonlyMap<string, readonly ScoredSample[]>): LeaderboardRow[] {
  const open = [...byTask].filter(([, samples]) => mean(samples.filter(isFull).map(({ score }) => score)) >= GATE);
  const byLength = Map.groupBy(open, ([task]) => task.split("@")[1]);
  return [...byLength].flatMap(([length, tasks]) => {
    const samples = tasks.flatMap(([, own]) => own);
    const ratios = [...new Set(samples.filter((sample) => !isFull(sample)).map((one) => one.compression_ratio))].sort();
    return ratios.flatMap((ratio) => {
      const asked = samples.filter((sample) => sample.compression_ratio === ratio && !isFull(sample));
      const names = [...new Set(asked.map(({ task }) => task))];
      if (names.length < 2) return [];
      const everywhere = [...Map.groupBy(asked, ({ policy }) => policy).values()]
        .filter((own) => new Set(own.map(({ task }) => task)).size === names.length).flat();
      const full = samples.filter((sample) => isFull(sample) && names.includes(sample.task));
      const label = `mean of ${names.length} tasks${length === undefined ? "" : `@${length}`}`;
      return rowsOf(run, label, names, [...full, ...everywhere], full);
    });
  }).filter((row, index, all) =>
    // The full cache stands once for each set of tasks, not once for each ratio.
    row.policy !== FULL || all.findIndex((other) => sameSetting(row, other)) === index
  );
}

function sameSetting(row: LeaderboardRow, other: LeaderboardRow): boolean {
  return row.policy === other.policy && row.dtype === other.dtype && row.ratio === other.ratio &&
    row.tasks.join() === other.tasks.join();
}

/** Scores of all settings among `samples`, as of one task; `full` holds the full cache's samples of the same rows. */
function rowsOf(
  { notebook, model, weights }: ScoredRun,
  task: string,
  tasks: readonly string[],
  samples: readonly ScoredSample[],
  full: readonly ScoredSample[],
): LeaderboardRow[] {
  const reference = full.filter(isFull);
  const bytes = new Map(reference.map(({ index, live_bytes }) => [index, live_bytes / 2]));
  const scores = taskScores(samples.map((sample) => ({ ...sample, task })));
  return scores.map(({ policy, compression_ratio: ratio, score, n, ci_low: low, ci_high: high }) => {
    const own = samples.filter((one) => one.policy === policy && one.compression_ratio === ratio);
    const [name, dtype = "f32"] = policy.split(" in ");
    const share = mean(own.map(({ live_bytes }) => live_bytes)) /
      mean(own.map(({ index }) => bytes.get(index) ?? NaN));
    const fullScore = mean(reference.map(({ score }) => score));
    return {
      notebook,
      model,
      weights,
      policy: name,
      dtype,
      ratio,
      task,
      tasks,
      score,
      low,
      high,
      n,
      share,
      full: fullScore,
    };
  }).sort((one, other) =>
    one.share.toFixed(2) === other.share.toFixed(2) ? other.score - one.score : one.ratio - other.ratio
  );
}

function isFull({ policy }: ScoredSample): boolean {
  return policy === FULL;
}
