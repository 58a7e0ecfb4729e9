import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Inspection } from "../../metrics/inspection.ts";
import { INSPECTOR_FILE, inspectorPage } from "../inspector/inspector_page.ts";
import { sectionsOf, summaryFindings } from "../files/summary.ts";
import { readmeFindings } from "./readme_findings.ts";
import { landingPage } from "./landing_page.ts";
import { leaderboardPage } from "./leaderboard_page.ts";
import { leaderboardRows, type ScoredRun } from "./leaderboard_rows.ts";
import { renderMarkdown, type Targets } from "./markdown.ts";
import { type NamedNotebook, notebookPage } from "./notebook_page.ts";
import { type Page, pageDocument, type PageLink } from "./page.ts";
import { createPictures, type FigureFiles, type Pictures } from "./pictures.ts";
import { vendorFiles } from "./vendor.ts";

/** What a site is made from. */
export interface SiteSources {
  /** Executed notebooks, in their order. */
  readonly notebooks: readonly NamedNotebook[];
  /** Reports in Markdown, by file name, as `benchmark_summary.md`. */
  readonly documents: ReadonlyMap<string, string>;
  /** Figures by name. */
  readonly figures: ReadonlyMap<string, FigureFiles>;
  /** The project's README; its findings open the site. */
  readonly readme: string;
  /** Runs that the leaderboard lists. */
  readonly runs: readonly ScoredRun[];
  /** What the inspector shows; without it the site has none. */
  readonly inspection?: Inspection;
  /** The way from the site's folder to the project's, with a slash at its end: `../../`. */
  readonly root: string;
}

/** Files of a site by their paths in its folder. */
export type SiteFiles = ReadonlyMap<string, string | Uint8Array>;

/** Reports in Markdown that have a page. */
const DOCUMENTS: Readonly<Record<string, PageLink>> = {
  "benchmark_summary.md": { file: "summary.html", title: "Summary" },
  "performance.md": { file: "performance.html", title: "Performance" },
  "performance_qwen.md": { file: "performance_qwen.html", title: "on Qwen" },
  "reading.md": { file: "reading.html", title: "Long texts" },
};

/** The picture of the first page: the reports' comparison of policies. */
const PICTURE = "04_quality";

/** The page of the inspector, which brings its own style and script: it is a file like those of deno task retention. */
const INSPECTOR: PageLink = { file: INSPECTOR_FILE, title: "Inspector" };
const INSPECTOR_PAGE = { title: "Which tokens of a story does each policy keep?", madeBy: "deno task site" };

const ASSETS = ["site.css", "charts.js", "leaderboard.js"];

/**
 * Makes the site: the same files for the same sources. Texts of reports and outputs of notebooks are shown as text; none
 * of them becomes HTML of its own.
 */
export async function siteFiles(sources: SiteSources): Promise<SiteFiles> {
  const { notebooks, documents, figures, readme, runs, inspection } = sources;
  const pictures = createPictures(figures);
  const targets = createTargets(sources, pictures);
  const summary = documents.get("benchmark_summary.md") ?? "";
  const leaderboard = leaderboardPage(leaderboardRows(runs));
  const reports = [...documents].filter(([name]) => Object.hasOwn(DOCUMENTS, name)).map(([name, text]): Page => ({
    ...DOCUMENTS[name],
    body: renderMarkdown(text, targets("reports/")),
  }));
  const executed: Page[] = [];
  for (const notebook of notebooks) executed.push(await notebookPage(notebook, pictures, targets("reports/")));
  const address = pictures.figure(PICTURE);
  const description = readme.match(/^!\[(.*)\]\(reports\/figures\/04_quality\.png\)$/m)?.[1] ?? "Scores of policies";
  const inspected: PageLink[] = inspection === undefined ? [] : [INSPECTOR];
  const landing = landingPage({
    headlines: readmeFindings(readme),
    findings: summaryFindings(sectionsOf(summary)),
    ...(address !== undefined && { picture: { address, description } }),
    pages: [leaderboard, ...inspected, ...reports],
    notebooks: executed,
  }, targets(""));
  const bar = [landing, leaderboard, ...inspected, ...reports, { file: "index.html#pages", title: "Notebooks" }];
  const pages = [landing, leaderboard, ...reports, ...executed];
  return new Map([
    ...pages.map((page): [string, string] => [page.file, pageDocument(page, bar)]),
    ...inspected.map((
      { file },
    ): [string, string] => [file, inspectorPage(inspection!, { ...INSPECTOR_PAGE, links: bar })]),
    ...ASSETS.map((name): [string, string] => [`assets/${name}`, asset(name)]),
    ...(executed.some(({ scripts = [] }) => scripts.length > 0) ? vendorFiles() : []),
    ...pictures.files,
  ]);
}

function asset(name: string): string {
  return readFileSync(fileURLToPath(new URL(`./assets/${name}`, import.meta.url)), "utf8");
}

/** Where links of a text lead that stands in a folder of the project. */
function createTargets({ notebooks, documents, root }: SiteSources, pictures: Pictures): (folder: string) => Targets {
  const pages = new Map<string, string>([
    ...[...documents.keys()].filter((name) => Object.hasOwn(DOCUMENTS, name))
      .map((name): [string, string] => [`reports/${name}`, DOCUMENTS[name].file]),
    ...notebooks.flatMap(({ name }) =>
      ["reports", "notebooks"].map((folder): [string, string] => [`${folder}/${name}.ipynb`, `${name}.html`])
    ),
  ]);
  return (folder) => ({
    link: (address) => {
      const { path, hash } = inProject(folder, address) ?? {};
      if (path === undefined) return;
      return `${pages.get(path) ?? `${root}${path}`}${hash}`;
    },
    picture: (address) => {
      const name = inProject(folder, address)?.path.match(/^reports\/figures\/(\w+)\.(?:png|svg)$/)?.[1];
      return name === undefined ? undefined : pictures.figure(name);
    },
  });
}

/** The path from the project's folder that an address in a text of `folder` leads to; undefined for one of elsewhere. */
function inProject(folder: string, address: string): { readonly path: string; readonly hash: string } | undefined {
  const base = `project:/${folder}`;
  if (!URL.canParse(address, base)) return;
  const { protocol, pathname, hash } = new URL(address, base);
  return protocol === "project:" ? { path: pathname.slice(1), hash } : undefined;
}
