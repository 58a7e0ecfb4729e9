import { basename } from "node:path";
import { type Inspection, parseInspection } from "../../metrics/inspection.ts";
import type { ScoredSample } from "../../eval/run/sample.ts";
import { parseStudy } from "../../eval/run/study_file.ts";
import { exists } from "../../files/exists.ts";
import { createFields, type Fields } from "../../files/fields.ts";
import { parseJsonObjectText } from "../../files/json_object.ts";
import { readText } from "../../files/text_file.ts";
import { parseNotebook } from "../../notebook/parse_notebook.ts";
import type { ScoredRun } from "./leaderboard_rows.ts";
import type { SiteSources } from "./site_files.ts";

/** The samples of notebook 3, which runs anew where the others read a study. */
const EVICTION = "practical_context_benchmark.json";

/** What `deno task retention` ran for the inspector's page. */
const INSPECTION = "inspection.json";

/**
 * Reads what a site is made from: executed notebooks, reports and figures of `reports`, and beside that folder
 * `data/studies` and the README. What is not there is left out.
 *
 * @param reports the folder of reports
 * @throws {SyntaxError} that names a file which is malformed
 */
export function readSources(reports: string): Omit<SiteSources, "root"> {
  const project = `${reports}/..`;
  return {
    notebooks: readAll(reports, ".ipynb", (text, name) => ({ name, notebook: parseNotebook(text) })),
    documents: new Map(readAll(reports, ".md", (text, name) => [`${name}.md`, text])),
    figures: new Map(readAll(`${reports}/figures`, ".svg", (svg, name) => {
      const png = `${reports}/figures/${name}.png`;
      return [name, { svg, ...(exists(png) && { png: Deno.readFileSync(png) }) }];
    })),
    readme: exists(`${project}/README.md`) ? readText(`${project}/README.md`) : "",
    inspection: readAll(reports, INSPECTION, (text): Inspection => parseInspection(text))[0],
    runs: [
      ...readAll(reports, EVICTION, parseEviction).flat(),
      ...readAll(`${project}/data/studies`, ".json", (text, name): ScoredRun | undefined => {
        // A study of streams or of a trace scores no answers.
        if (!("settings" in parseJsonObjectText(text, name))) return;
        const { command, model, weights, samples } = parseStudy(text);
        // A notebook with several studies is named by the command that makes them.
        const [, notebook = name] = command.match(/--only (\S+)/) ?? [];
        return { notebook, model, weights, samples };
      }).filter((run) => run !== undefined),
    ],
  };
}

/** Reads the files of a folder that end in `end`, in the order of their names; none where there is no folder. */
function readAll<Value>(folder: string, end: string, parse: (text: string, name: string) => Value): Value[] {
  if (!exists(folder)) return [];
  const names = [...Deno.readDirSync(folder)].filter(({ name, isFile }) => isFile && name.endsWith(end))
    .map(({ name }) => name).sort();
  return names.map((file) => {
    const path = `${folder}/${file}`;
    try {
      return parse(readText(path), basename(file, end));
    } catch (error) {
      if (error instanceof SyntaxError) throw new SyntaxError(`${path}: ${error.message}`, { cause: error });
      throw error;
    }
  });
}

/** A run for each time at which the cache was compressed: those two are no tasks to take a mean of. */
function parseEviction(text: string): ScoredRun[] {
  const root = parseJsonObjectText(text, EVICTION);
  const provenance = fieldsOf(fieldsOf(root).value("provenance"));
  const model = fieldsOf(provenance.value("model"));
  const samples = root.samples;
  if (!Array.isArray(samples)) throw new SyntaxError(`Cannot read ${EVICTION} as it has no list of samples`);
  const origin = { notebook: "03_live_eviction", model: textOf(model, "name"), weights: textOf(model, "weights") };
  const runs = Map.groupBy(samples.map(fieldsOf), (fields) => textOf(fields, "timing"));
  return [...runs].map(([timing, own]) => ({
    ...origin,
    samples: own.map((fields): ScoredSample => ({
      policy: textOf(fields, "policy"),
      compression_ratio: fields.number("compression_ratio"),
      task: timing === "agnostic" ? "codes" : "codes, question known",
      index: fields.integer("context"),
      context: fields.integer("context"),
      score: fields.number("score"),
      live_bytes: fields.number("live_bytes"),
      kl: [],
      agreement: [],
      answer_tokens: 0,
    })),
  }));
}

function textOf(fields: Fields<string>, key: string): string {
  const text = fields.text(key);
  if (text === undefined) throw new SyntaxError(`Cannot read ${EVICTION} as a ${key} is absent`);
  return text;
}

function fieldsOf(value: unknown): Fields<string> {
  if (typeof value !== "object" || value === null) {
    throw new SyntaxError(`Cannot read ${EVICTION} as a part is no object`);
  }
  return createFields((key) => (value as Record<string, unknown>)[key], EVICTION);
}
