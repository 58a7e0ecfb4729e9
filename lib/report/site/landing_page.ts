import { escapeHtml } from "../render/escape.ts";
import { type Finding, findingFacts } from "../files/summary.ts";
import { pictureBox, renderMarkdown, type Targets } from "./markdown.ts";
import type { Page, PageLink } from "./page.ts";

/** What the first page tells. */
export interface Landing {
  /** The README's findings, as Markdown. */
  readonly headlines: readonly string[];
  /** The summary's findings. */
  readonly findings: readonly Finding[];
  /** The address of the picture, and what it shows. */
  readonly picture?: { readonly address: string; readonly description: string };
  /** The pages beside the notebooks' own. */
  readonly pages: readonly PageLink[];
  /** The notebooks' pages. */
  readonly notebooks: readonly PageLink[];
}

/** The first page: what KVMirror is, what is known, a picture, and all pages. */
export function landingPage({ headlines, findings, picture, pages, notebooks }: Landing, targets: Targets): Page {
  const known = headlines.length + findings.length === 0
    ? ""
    : `<h2 id="known">What is known</h2>\n${headlineList(headlines, targets)}`;
  const shown = picture === undefined ? "" : pictureBox(picture.address, picture.description);
  const listed = findings.length === 0
    ? ""
    : `<h2 id="reports">What each report found</h2>\n${findings.map((one) => findingHtml(one, targets)).join("\n")}`;
  return {
    file: "index.html",
    title: "KVMirror",
    body: `<h1>KVMirror</h1>
<p class="lead">KVMirror tries, measures and uses policies that keep fewer rows of a language model's KV cache, live in a
running transformer, on a laptop without a GPU.</p>
${known}
${shown}
${listed}
<h2 id="pages">All pages</h2>
<ul class="pages">${[...pages, ...notebooks].map(linkItem).join("\n")}</ul>`,
  };
}

function headlineList(headlines: readonly string[], targets: Targets): string {
  const items = headlines.map((text) => `<li>${renderMarkdown(text, targets)}</li>`).join("\n");
  return headlines.length === 0 ? "" : `<ul class="headlines">\n${items}\n</ul>`;
}

function findingHtml(finding: Finding, targets: Targets): string {
  const { sentence, heading, anchor, notebook } = finding;
  return `<article class="finding">
<h3><a href="summary.html#${escapeHtml(anchor)}">${escapeHtml(heading)}</a></h3>
${renderMarkdown(sentence, targets)}<p class="facts">${
    findingFacts(finding).map((fact) => `${escapeHtml(fact)} · `).join("")
  }
<a href="${escapeHtml(notebook)}.html">the notebook</a></p>
</article>`;
}

function linkItem({ file, title }: PageLink): string {
  return `<li><a href="${escapeHtml(file)}">${escapeHtml(title)}</a></li>`;
}
