import { fileURLToPath } from "node:url";
import type { ScoredCell } from "./sample.ts";

/** Where a study is from. */
export interface StudyOrigin {
  /** The command that ran it. */
  readonly command: string;
  /** The model's name. */
  readonly model: string;
  /** How its weights were held. */
  readonly weights: string;
  /** sha256 of its checkpoint's content, hex. */
  readonly sha256: string;
  /** Seed of the rows. */
  readonly seed: number;
}

/** The scores of a study, to be read where it is too long to be run again. */
export interface StudyFile extends StudyOrigin {
  /** Cells; divergence and agreement are each cell's means. */
  readonly cells: readonly ScoredCell[];
}

const COLUMNS = ["index", "context", "score", "kl", "agreement", "answer_tokens", "live_bytes"] as const;

/** Writes a study as JSON, a line for each arm and task, its cells in columns. */
export function encodeStudy({ cells, ...origin }: StudyFile): string {
  const groups = Map.groupBy(
    cells,
    ({ policy, compression_ratio, task }) => [policy, compression_ratio, task].join(" "),
  );
  const arms = [...groups.values()].map((own) => ({
    policy: own[0].policy,
    compression_ratio: own[0].compression_ratio,
    task: own[0].task,
    ...Object.fromEntries(COLUMNS.map((name) => [name, own.map((cell) => rounded(cell[name]))])),
  }));
  const lines = arms.map((arm) => `    ${JSON.stringify(arm)}`).join(",\n");
  return `${JSON.stringify(origin, null, 2).slice(0, -2)},\n  "arms": [\n${lines}\n  ]\n}\n`;
}

/**
 * Reads what {@linkcode encodeStudy} wrote.
 *
 * @throws {SyntaxError} if it is no such JSON
 */
export function parseStudy(text: string): StudyFile {
  const { arms, ...origin } = JSON.parse(text) as StudyOrigin & { arms?: readonly Record<string, unknown>[] };
  if (!Array.isArray(arms)) throw new SyntaxError("Cannot read the study as it has no arms");
  const cells = arms.flatMap(({ policy, compression_ratio, task, ...columns }) => {
    const column = (name: string, cell: number) => {
      const value = (columns[name] as readonly unknown[] | undefined)?.[cell];
      if (typeof value !== "number") {
        throw new SyntaxError(`Cannot read the study as ${policy} on ${task} has no ${name} of cell ${cell}`);
      }
      return value;
    };
    return Array.from({ length: (columns.index as readonly number[]).length }, (_, cell): ScoredCell => ({
      policy: String(policy),
      compression_ratio: Number(compression_ratio),
      task: String(task),
      index: column("index", cell),
      context: column("context", cell),
      score: column("score", cell),
      kl: [column("kl", cell)],
      agreement: [column("agreement", cell)],
      answer_tokens: column("answer_tokens", cell),
      live_bytes: column("live_bytes", cell),
    }));
  });
  return { ...origin, cells };
}

function rounded(value: number | readonly number[]): number {
  if (typeof value === "number") return Number(value.toPrecision(9));
  return Number((value.reduce((sum, part) => sum + part, 0) / value.length).toPrecision(4));
}

/** Where a study lies that comes with the project, as it is too long to be run again each time. */
export function studyPath(name: string): string {
  return fileURLToPath(new URL(`../../../data/studies/${name}.json`, import.meta.url));
}
