import { dirname, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type BudgetShare, checkPolicy, definePolicy, type Policy, type PolicyEntry } from "kvmirror/policies";
import { exists, fileSize } from "../../lib/files/exists.ts";
import { textHash } from "../../lib/files/hash.ts";
import { readText } from "../../lib/files/text_file.ts";
import { usage } from "./flags.ts";
import { syntheticLayers } from "./synthetic_layers.ts";
import { UsageError } from "./usage_error.ts";

/** Policies beside the table's, by the names that call them. */
export type OwnPolicies = Readonly<Record<string, PolicyEntry>>;

/**
 * The policies of the files that a text names in place of a policy: `./mine.ts`, `globalkv(../mine.js)`, in a list or by
 * itself. A file's default export is a policy or a function that gives one, and goes by the path as it is written.
 *
 * @throws {UsageError} if a file cannot be loaded, exports no policy, or its policy breaks a promise
 */
export async function policiesOfFiles(text = ""): Promise<OwnPolicies> {
  const paths = new Set(text.split(/[(),]| in /).map((name) => name.trim()).filter(isPath));
  const own: Record<string, PolicyEntry> = {};
  for (const path of paths) own[path] = await policyOfFile(path);
  return own;
}

/** Whether a policy's name is the path of a file: names of the table have no dots and no slashes. */
function isPath(name: string): boolean {
  return /^[./\\]|^[A-Za-z]:|\.[jt]s$/.test(name);
}

async function policyOfFile(path: string): Promise<PolicyEntry> {
  if (fileSize(path) === undefined) {
    const fix = exists(path) ? "as it is no file: name a file" : "as there is no such file: check the path";
    throw new UsageError(`Cannot load policy ${path} ${fix}`);
  }
  if (/[\s=]/.test(path)) {
    throw new UsageError(`Cannot load policy ${path} as a space or = in its path ends a policy's name: rename it`);
  }
  const contentHash = usage(() => hashOfCode(resolve(path)));
  const exported = await exportOf(path, contentHash);
  const made = renamed(await policyOf(path, exported), path);
  checkPromises(made);
  return { create: () => made, options: {}, contentHash };
}

/** A file's default export. A file that changed is another module: what Deno loaded before it does not load again. */
async function exportOf(path: string, contentHash: string): Promise<unknown> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(`${pathToFileURL(resolve(path)).href}?content=${contentHash}`);
  } catch (error) {
    throw new UsageError(`Cannot load policy ${path} as loading it throws ${inWords(error)}`);
  }
  if (module.default !== undefined) return module.default;
  const others = Object.keys(module);
  const has = others.length === 0 ? "exports nothing" : `has no default export, only ${others.join(", ")}`;
  throw new UsageError(`Cannot use ${path} as a policy as it ${has}: write export default definePolicy({ … })`);
}

async function policyOf(path: string, exported: unknown): Promise<Policy> {
  let found = exported;
  if (typeof exported === "function") {
    try {
      found = await exported();
    } catch (error) {
      throw new UsageError(`Cannot use ${path} as a policy as its default export throws ${inWords(error)}`);
    }
  }
  const wrong = whyNoPolicy(found);
  if (wrong === undefined) return found as Policy;
  const by = typeof exported === "function" ? "its default export gives" : "its default export is";
  throw new UsageError(`Cannot use ${path} as a policy as ${by} ${wrong}`);
}

/** What a value is that is no policy, and what would be one. */
function whyNoPolicy(value: unknown): string | undefined {
  const fix = "export what definePolicy gives";
  if (typeof value !== "object" || value === null) return `${JSON.stringify(value) ?? typeof value}: ${fix}`;
  const { name, signals, choose, score } = value as Readonly<Record<string, unknown>>;
  if (typeof choose !== "function") {
    return typeof score === "function"
      ? "a definition that is not completed: hand it to definePolicy"
      : `an object without choose: ${fix}`;
  }
  if (typeof name !== "string" || name === "") return `an object without a name: ${fix}`;
  if (!Array.isArray(signals)) return "an object without signals: write signals: []";
  const odd = signals.find((signal) => typeof signal !== "string" && !(typeof signal === "object" && signal !== null));
  if (odd !== undefined || signals.includes(undefined)) return `an object with the signal ${odd}: ${fix}`;
}

/** The policy under the name that results, messages and lists call it by. */
function renamed(made: Policy, name: string): Policy {
  if (made.definition !== undefined) return definePolicy({ ...made.definition, name });
  const { signals, size } = made;
  return { name, signals, ...(size && { size }), choose: (layers, budget) => made.choose(layers, budget) };
}

/** A short cache, one whose rows a window may exceed, and one that no window does. */
const TRIED_ROWS = [1, 17, 130];

/** Rows that a policy may be off its budget where it shares rows out or selects them itself: whole chunks, rounding. */
const SLACK: readonly { readonly budget: BudgetShare; readonly slack: number }[] = [
  { budget: "layer", slack: 1 },
  { budget: "model", slack: 1 },
  { budget: "head", slack: 40 },
];

/** Holds a policy to its promises, before a model is loaded. */
function checkPromises(made: Policy): void {
  const caches = TRIED_ROWS.map(syntheticLayers);
  const violations = checkPolicy(made, caches);
  if (violations.length === 0) return;
  const [{ rule, message }] = violations;
  const { definition } = made;
  const sharesOut = definition === undefined || definition.allocate !== undefined || definition.select !== undefined;
  if (sharesOut && violations.every(({ rule }) => rule === "budget")) {
    if (SLACK.some((shared) => checkPolicy(made, caches, shared).length === 0)) return;
  }
  throw new UsageError(`Cannot use ${made.name} as a policy as it breaks the promise "${rule}": ${message}`);
}

const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*(["'])(\.{1,2}\/[^"'\n]+)\1/g;

/** sha256 of a file's text and of all that it imports by relative paths, hex: of what decides what its policy does. */
function hashOfCode(file: string): string {
  const texts = new Map<string, string>();
  const read = (path: string) => {
    if (texts.has(path)) return;
    texts.set(path, readText(path));
    for (const [, , specifier] of texts.get(path)!.matchAll(RELATIVE_IMPORT)) {
      const imported = resolve(dirname(path), specifier);
      if (fileSize(imported) !== undefined) read(imported);
    }
  };
  read(file);
  const named = [...texts].map(([path, text]) => [relative(dirname(file), path), textHash(text)]);
  return textHash(JSON.stringify(named.sort(([one], [other]) => one < other ? -1 : 1)));
}

/** An error's kind, the first line of its message and its place; Deno shows code between them, in colors. */
function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first, ...more] = stripVTControlCharacters(error.message).split("\n").map((line) => line.trim());
  const place = more.find((line) => line.startsWith("at file:"));
  const words = [`${error.name}: ${first}`, ...(place === undefined ? [] : [place])].join(" ");
  return words.replaceAll(/\?content=[0-9a-f]{64}/g, "");
}
