import { escapeHtml } from "../render/escape.ts";
import type { LeaderboardRow } from "./leaderboard_rows.ts";
import { type Page, scrollBox } from "./page.ts";

/**
 * Shares of a full 16-bit cache that settings are compared at: those that ratios and dtypes meet. A share belongs to one
 * where it is within a twentieth of it, as a budget is a whole number of rows.
 */
const SHARES = [2, 1, 0.5, 0.25, 0.125];
const TOLERANCE = 0.05;

/** A column: its title, what a cell shows, and what it is sorted by. */
interface Column {
  readonly title: string;
  readonly cell: (row: LeaderboardRow) => string;
  readonly value: (row: LeaderboardRow) => string | number;
}

const COLUMNS: readonly Column[] = [
  { title: "policy", cell: ({ policy }) => `<code>${breakable(policy)}</code>`, value: (row) => row.policy },
  { title: "score", cell: ({ score }) => score.toFixed(2), value: ({ score }) => score },
  { title: "95 % interval", cell: (row) => intervalMark(row), value: ({ low }) => low },
  { title: "n", cell: ({ n }) => String(n), value: ({ n }) => n },
  { title: "bytes", cell: ({ share }) => `${(100 * share).toFixed(1)} %`, value: ({ share }) => share },
  { title: "ratio", cell: ({ ratio }) => ratio.toFixed(3), value: ({ ratio }) => ratio },
  { title: "dtype", cell: ({ dtype }) => escapeHtml(dtype), value: ({ dtype }) => dtype },
  { title: "task", cell: ({ task }) => escapeHtml(task), value: ({ task }) => task },
  { title: "model", cell: ({ model }) => escapeHtml(model), value: ({ model }) => model },
  {
    title: "report",
    cell: ({ notebook }) => `<a href="${escapeHtml(notebook)}.html">${escapeHtml(reportNumber(notebook))}</a>`,
    value: ({ notebook }) => reportNumber(notebook),
  },
];

/** The leaderboard: a table that can be read as it is, and sorted and filtered where scripts run. */
export function leaderboardPage(rows: readonly LeaderboardRow[]): Page {
  const title = "Leaderboard";
  if (rows.length === 0) {
    return {
      file: "leaderboard.html",
      title,
      body: `<h1>${title}</h1>\n<p>The reports hold no scores of policies.</p>`,
    };
  }
  const policies = new Set(rows.map(({ policy }) => policy)).size;
  const models = [...new Set(rows.map(({ model, weights }) => `${model}, ${weights} weights`))];
  const counts = rows.map(({ n }) => n);
  return {
    file: "leaderboard.html",
    title,
    scripts: ["assets/leaderboard.js"],
    body: `<h1>${title}</h1>
<p class="lead">${rows.length} scores of ${policies} policies, each with its 95 % interval and the bytes that it keeps.
Compare rows of the same task and the same bytes.</p>
<p>Models: ${escapeHtml(models.join("; "))}. A score is a mean over n samples, ${Math.min(...counts)} to
${
      Math.max(...counts)
    }, of the linked report; the cache was compressed before the question was read, unless the task says
otherwise. <strong>Bytes</strong> are those of the rows that stay, as a share of a full cache with 16 bits a number, which
is what people hold: a full float32 cache has 200 %. <strong>Ratio</strong> is the fraction of rows that were evicted. The
drawing shows the score as a dot, its interval as a bar, and as an open mark the full cache's score on the same samples.
<code>oracle</code> knows the question: it is a ceiling, no choice.${means(rows)}</p>
${filters(rows)}
<p id="count" role="status" hidden></p>
${scrollBox(tableHtml(rows), "Leaderboard")}
<p>Intervals are Wilson's where every score is 0 or 1, else a bootstrap by context. Two intervals that overlap do not show
that two policies are equal: the reports hold the paired differences.</p>`,
  };
}

/** Hidden until a script shows them: without scripts they would do nothing. */
function filters(rows: readonly LeaderboardRow[]): string {
  const values = (value: (row: LeaderboardRow) => string) => [...new Set(rows.map(value))];
  const pooled = values(({ task }) => task).filter((task) => task.startsWith("mean of "));
  const shares = SHARES.filter((share) => rows.some((row) => bucketOf(row) === String(share)));
  const percent = (share: string): string => `${100 * Number(share)} % of a 16-bit cache`;
  return `<form id="filters" class="filters" hidden>
${select("task", "Task", [...pooled, ...values(({ task }) => task).filter((task) => !pooled.includes(task))])}
${select("bytes", "Kept bytes", shares.map(String), percent)}
${select("model", "Model", values(({ model }) => model))}
${select("dtype", "Dtype", values(({ dtype }) => dtype))}
${select("report", "Report", values(({ notebook }) => reportNumber(notebook)))}
<label>Policy <input id="filter-policy" type="search" placeholder="part of a name" autocomplete="off"></label>
<button type="reset">Show all</button>
</form>`;
}

function select(
  name: string,
  label: string,
  values: readonly string[],
  text: (value: string) => string = (value) => value,
): string {
  const options = values.map((value) => `<option value="${escapeHtml(value)}">${escapeHtml(text(value))}</option>`);
  return `<label>${label} <select id="filter-${name}"><option value="">all</option>${
    options.join("")
  }</select></label>`;
}

function tableHtml(rows: readonly LeaderboardRow[]): string {
  const head = COLUMNS.map(({ title }) => `<th scope="col">${title}</th>`).join("");
  const body = rows.map((row) => {
    const cells = COLUMNS.map(({ cell, value }, index) => {
      const tag = index === 0 ? "th" : "td";
      const by = value(row);
      const kind = index === 0
        ? ' scope="row"'
        : typeof by === "number"
        ? ` class="number" data-value="${Number(by.toPrecision(6))}"`
        : "";
      return `<${tag}${kind}>${cell(row)}</${tag}>`;
    });
    return `<tr data-bytes="${bucketOf(row)}">${cells.join("")}</tr>`;
  });
  return `<table id="leaderboard"><thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody></table>`;
}

function bucketOf({ share }: LeaderboardRow): string {
  return String(SHARES.find((one) => Math.abs(share / one - 1) <= TOLERANCE) ?? "other");
}

/** A name that may go on in the next line behind a parenthesis or an underscore. */
function breakable(name: string): string {
  return escapeHtml(name).replaceAll(/[(_]/g, "$&<wbr>");
}

/** What the means are over, a line for each. */
function means(rows: readonly LeaderboardRow[]): string {
  const lines = new Map(
    rows.filter(({ tasks }) => tasks.length > 1).map((
      { task, tasks },
    ) => [task, tasks.map((name) => name.split("@")[0]).join(", ")]),
  );
  return [...lines].map(([task, names]) => `<br>\n${escapeHtml(task)}: ${escapeHtml(names)}.`).join("");
}

function reportNumber(notebook: string): string {
  return notebook.replace(/^0?(\d+)_.*$/, "$1");
}

/** The width of an interval's drawing, in pixels, from a score of 0 to one of 1, and what is left free on both sides. */
const WIDTH = 112;
const MARGIN = 6;

/** An interval as a drawing, with its ends beside it as text: the drawing itself is silent. */
function intervalMark({ score, low, high, full }: LeaderboardRow): string {
  const x = (value: number): string => (MARGIN + WIDTH * value).toFixed(1);
  const line = (from: number, to: number, kind: string): string =>
    `<line class="${kind}" x1="${x(from)}" x2="${x(to)}" y1="8" y2="8"/>`;
  return `<svg class="interval" width="${WIDTH + 2 * MARGIN}" height="16" aria-hidden="true">${line(0, 1, "axis")}` +
    `${line(low, high, "range")}<rect class="full" x="${
      (MARGIN + WIDTH * full - 1.5).toFixed(1)
    }" y="2" width="3" height="12"/>` +
    `<circle cx="${x(score)}" cy="8" r="3.5"/></svg> <span>${low.toFixed(2)} to ${high.toFixed(2)}</span>`;
}
