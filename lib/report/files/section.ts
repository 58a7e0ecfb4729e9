import { sectionsOf, summaryDocument } from "./summary.ts";
import { writeReport } from "./write_report.ts";

/**
 * Puts the section `name` into the report at `path`: its earlier self is replaced, the others stay, and sections stand
 * in the order of their names. So each notebook may be run alone, and running all in any order gives the same bytes.
 *
 * @example
 * ```ts
 * import { writeSection } from "kvmirror/report";
 *
 * const path = await Deno.makeTempFile();
 * await writeSection(path, "01_simulator", "## Simulator\n\nOne table.\n");
 * await Deno.remove(path);
 * ```
 */
export async function writeSection(path: string, name: string, markdown: string): Promise<void> {
  const earlier = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  await writeReport(path, replaceSection(earlier, name, markdown));
}

/** The document with the section `name` put in; what stands outside sections is made anew. */
export function replaceSection(document: string, name: string, markdown: string): string {
  if (!/^\w+$/.test(name)) throw new RangeError(`Cannot name a section ${name} as it must be letters, digits and _`);
  const sections = new Map(sectionsOf(document));
  sections.set(name, `\n${markdown.trim()}\n\n`);
  return summaryDocument(sections);
}
