import { policyNames } from "kvmirror/policies";
import { EMBEDDED_MODEL } from "../../lib/engine/sources/embedded_model.ts";
import { KNOWN_MODELS } from "../../lib/engine/sources/known_models.ts";
import { TASK_NAMES } from "../../lib/eval/dataset/tasks/generate_rows.ts";
import { PUBLISHED_MODELS } from "../../lib/plan/published_models.ts";
import type { FlagDefinition, TaskDefinition } from "../cli/task_table.ts";

/** What may stand at one place of a command line. */
export interface Completion {
  /** Words that fit. */
  readonly words: readonly string[];
  /** Whether a path fits too. */
  readonly paths?: "files" | "folders";
  /** Whether several of them may stand there, with commas between. */
  readonly list: boolean;
}

/** A flag and what it is for; without a completion, nothing is known of its value, and a switch has none. */
export interface CompletedFlag {
  readonly name: string;
  readonly meaning: string;
  readonly takes: "nothing" | Completion;
}

/** A task and what may follow it. */
export interface CompletedTask {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  readonly words: Completion;
}

const MODELS = ["auto", EMBEDDED_MODEL.name, ...KNOWN_MODELS.map(({ name }) => name)];
const POLICIES: Omit<Completion, "list"> = { words: policyNames(), paths: "files" };

/** What a flag takes, by the word that stands for its value in the help. */
const BY_VALUE: Readonly<Record<string, Completion>> = {
  FILE: { words: [], paths: "files", list: false },
  FOLDER: { words: [], paths: "folders", list: false },
  MODEL: { words: MODELS, paths: "files", list: false },
  POLICY: { ...POLICIES, list: false },
  POLICIES: { ...POLICIES, list: true },
  NAMES: { words: policyNames(), list: true },
  TASKS: { words: TASK_NAMES, list: true },
};

/** Words for the values of flags that take several of their choices. */
const LISTS = ["DTYPES", "FORMATS"];

const ANYTHING: Completion = { words: [], list: false };

/** The flags that every task takes, and what they are for. */
const EVERYWHERE: readonly CompletedFlag[] = [
  { name: "help", meaning: "print its flags", takes: "nothing" },
  { name: "version", meaning: "print the version", takes: "nothing" },
];

/** What a shell may complete, from the tables that tasks parse their arguments by. */
export function completedTasks(tasks: readonly TaskDefinition[]): CompletedTask[] {
  return tasks.map((task) => ({
    name: task.name,
    description: task.description,
    flags: [
      ...Object.entries(task.flags).map(([name, flag]) => ({ name, meaning: flag.meaning, takes: taken(task, flag) })),
      ...EVERYWHERE,
    ],
    words: wordsOf(task),
  }));
}

function taken({ name }: TaskDefinition, { kind, value = "", choices }: FlagDefinition): CompletedFlag["takes"] {
  if (kind === "switch") return "nothing";
  if (choices !== undefined) return { words: choices, list: LISTS.includes(value) };
  const known = BY_VALUE[value] ?? ANYTHING;
  // Sizes are known of models that do not run here.
  return name === "plan" && value === "MODEL"
    ? { ...known, words: [...new Set([...MODELS, ...PUBLISHED_MODELS.map(({ name }) => name)])] }
    : known;
}

function wordsOf({ words = "", wordChoices = [] }: TaskDefinition): Completion {
  return {
    words: [...wordChoices, ...(words.includes("MODEL") ? MODELS : [])],
    ...(/\bFILE\b|NOTEBOOK/.test(words) ? { paths: "files" as const } : {}),
    list: false,
  };
}
