import { parseJsonObjectText } from "../../files/json_object.ts";
import { jsonReport, writeReport } from "./write_report.ts";

/** Numbers of one machine at one time: milliseconds, resident bytes. */
export type Measurements = Readonly<Record<string, unknown>>;

/**
 * Puts what a notebook measured on this machine (times, process memory) into the file at `path`, under the notebook's
 * name. Such numbers differ from run to run: they stay out of the reports, which are the same bytes each time.
 *
 * Throws a SyntaxError where the file is there and not a JSON object.
 */
export async function writeMeasurements(path: string, notebook: string, values: Measurements): Promise<void> {
  const earlier = await readObject(path);
  const merged = { ...earlier, [notebook]: values };
  const ordered = Object.entries(merged).sort(([one], [other]) => one < other ? -1 : 1);
  await writeReport(path, jsonReport(Object.fromEntries(ordered)));
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
  try {
    return parseJsonObjectText(text, path);
  } catch (error) {
    throw new SyntaxError(`Cannot add to ${path} as it is no JSON object: remove the file`, { cause: error });
  }
}
