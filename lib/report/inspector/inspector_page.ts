import { createHash } from "node:crypto";
import {
  encodeInspection,
  type InspectedFrame,
  type InspectedTrack,
  type Inspection,
} from "../../metrics/inspection.ts";
import { tokenRetention } from "../../metrics/token_retention.ts";
import { mean } from "../../numeric/mean.ts";
import { escapeHtml } from "../render/escape.ts";
import { shownToken, visibleText } from "../retention/pieces.ts";
import { bytes, percent } from "../table/number_format.ts";
import { runInspector } from "./page_script.js";
import { PAGE_STYLE } from "./page_style.ts";

/** A link of the bar above the page. */
export interface InspectorLink {
  /** Where it leads, from the page. */
  readonly file: string;
  /** What it is called. */
  readonly title: string;
}

/** What the page says beside the inspection. */
export interface InspectorPageOptions {
  /** The page's heading. */
  readonly title: string;
  /** Links of a bar above it; none by default. */
  readonly links?: readonly InspectorLink[];
  /** The address of events that bring further moments, as {@linkcode inspectorEvent} writes them; none by default. */
  readonly events?: string;
  /** What made it, as HTML's text; by default `deno task retention`. */
  readonly madeBy?: string;
}

const SCRIPT = `(${runInspector})();`;

/** The page loads nothing: its own style, its own script by its hash, and events of the server it came from. */
const POLICY = (events: "connect-src 'self'" | "connect-src 'none'"): string =>
  [
    "default-src 'none'",
    "img-src data:",
    `script-src 'sha256-${createHash("sha256").update(SCRIPT).digest("base64")}'`,
    "style-src 'unsafe-inline'",
    events,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

/** The page opens at this ratio, or the next lower one: half is where policies begin to differ. */
const FIRST_RATIO = 0.5;

/**
 * The inspector as one HTML document that needs nothing else. Where scripts do not run, the texts of one moment, the
 * answers and the rows by layer stand there all the same.
 *
 * @throws {RangeError} if the inspection has no tracks, or positions that its text does not have
 */
export function inspectorPage(inspection: Inspection, options: InspectorPageOptions): string {
  const { model, question, tracks, tokens, notes = [] } = inspection;
  const { title, links = [], events, madeBy = "deno task retention" } = options;
  if (tracks.length === 0) throw new RangeError("Cannot inspect 0 policies: give at least one");
  const data = encodeInspection(shownInspection(inspection)).replaceAll("<", "\\u003c");
  const kinds = [...new Set(tracks.map(({ along }) => along))];
  const along = kinds.includes("ratio") ? "ratio" : "tokens";
  const stops = stopsOf(tracks, along);
  const stop = along === "ratio" ? Math.max(0, stops.findLastIndex((one) => one <= FIRST_RATIO)) : stops.length - 1;
  const shown = tracks.filter((track) => track.along === along);
  const frames = shown.map((track) => frameAt(track, stops[stop]));
  const [layers, heads] = [tracks[0].frames[0].kept.length, tracks[0].frames[0].kept[0].length];
  const bar = links.map(({ file, title }) =>
    `<a href="${escapeHtml(file)}"${file === INSPECTOR_FILE ? ' aria-current="page"' : ""}>${escapeHtml(title)}</a>`
  );
  const at = along === "ratio" ? `ratio ${stops[stop]}` : `${stops[stop]} tokens`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${
    POLICY(events === undefined ? "connect-src 'none'" : "connect-src 'self'")
  }">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body${events === undefined ? "" : ` data-events="${escapeHtml(events)}"`}>
${bar.length === 0 ? "" : `<header><nav aria-label="Pages">${bar.join(" ")}</nav></header>\n`}<main>
<h1>${escape(title)}</h1>
<p class="lead">${lead({ model, question, layers, heads, tokens: tokens.length })}</p>
${events === undefined ? "" : `<p id="state" role="status"></p>\n`}<p class="legend">${legend()}</p>
<form id="controls" data-along="${along}" data-stop="${stop}" data-token="${firstToken(inspection)}" hidden>
${
    kinds.length < 2
      ? ""
      : switcher(along)
  }<div class="moment"><label for="moment" id="moment-name">Compression ratio</label>
<input id="moment" type="range" min="0" max="${stops.length - 1}" value="${stop}" step="1">
<output id="moment-value" for="moment"></output></div>
<p id="token" role="status"><span></span><span></span></p>
</form>
<p class="help">Point at a token, or go to a text with the Tab key and from token to token with the arrow keys: the grid
shows which layers (columns) and kv heads (rows) hold it.</p>
<div class="panels">
${
    tracks.map((track, index) =>
      panel(track, index, tokens, track.along === along ? frameAt(track, stops[stop]) : undefined)
    ).join("\n")
  }
</div>
${answersTable(tracks)}
${layersTable(shown, frames, at)}
${notes.map((note) => `<p>${escape(note)}</p>`).join("\n")}
</main>
<footer><p>Made by <code>${escapeHtml(madeBy)}</code>${
    events === undefined ? ". One file: no server, no network" : ", which it follows; it loads nothing else"
  }.</p></footer>
<script type="application/json" id="inspection">${data}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** The file's name in a site, by which its link is told. */
export const INSPECTOR_FILE = "inspector.html";

/** What an event of a live page says: the tokens so far and the moment that came last, as one line of JSON. */
export function inspectorEvent(inspection: Inspection): string {
  return encodeInspection(shownInspection(inspection));
}

/** The inspection with its texts as they are seen. */
function shownInspection(inspection: Inspection): Inspection {
  return {
    ...inspection,
    tokens: inspection.tokens.map(shownToken),
    tracks: inspection.tracks.map((track) => ({
      ...track,
      policy: visibleText(track.policy),
      frames: track.frames.map((frame) =>
        frame.answer === undefined ? frame : { ...frame, answer: shownAnswer(frame.answer) }
      ),
    })),
  };
}

/** An answer in one line. */
function shownAnswer(answer: string): string {
  return visibleText(answer.trim().replaceAll(/\s+/g, " "));
}

function lead(
  { model, question, layers, heads, tokens }: Pick<Inspection, "model" | "question"> & {
    readonly layers: number;
    readonly heads: number;
    readonly tokens: number;
  },
): string {
  const parts = [
    `${tokens} tokens in ${layers} layers of ${heads} kv head${heads === 1 ? "" : "s"}`,
    ...(model === undefined ? [] : [escape(model)]),
  ];
  const asked = question === undefined ? "" : ` Asked afterwards: <q>${escape(question)}</q>`;
  return `${parts.join("; ")}.${asked}`;
}

const LEGEND: readonly (readonly [level: string, text: string])[] = [
  ["k0", "gone from all kv heads"],
  ["k2", "held by a quarter"],
  ["k4", "by half"],
  ["k8", "by all"],
  ["u", "not read yet"],
];

function legend(): string {
  return `${
    LEGEND.map(([level, text]) => `<b class="${level}">${text}</b>`).join("")
  }The line under a token is as long as
the share of kv heads that hold it.`;
}

function switcher(along: InspectedTrack["along"]): string {
  const radio = (value: InspectedTrack["along"], text: string) =>
    `<label><input type="radio" name="along" value="${value}"${value === along ? " checked" : ""}>${text}</label>`;
  return `<div role="radiogroup" aria-label="What the slider goes along">${radio("ratio", "by ratio")}${
    radio("tokens", "over time")
  }</div>\n`;
}

/** The values that a slider stops at: ratios or tokens, ascending. */
function stopsOf(tracks: readonly InspectedTrack[], along: InspectedTrack["along"]): number[] {
  const values = tracks.filter((track) => track.along === along).flatMap(({ frames }) => frames.map(stopOf));
  return [...new Set(values)].sort((one, other) => one - other);
}

function stopOf({ compressionRatio, tokens }: InspectedFrame): number {
  return compressionRatio ?? tokens;
}

function frameAt({ along, frames }: InspectedTrack, stop: number): InspectedFrame | undefined {
  return along === "ratio"
    ? frames.find((frame) => stopOf(frame) === stop)
    : frames.findLast(({ tokens }) => tokens <= stop);
}

/** The token that is looked at first: where the text has the longest word that the question lacks and the first answer has. */
function firstToken({ tokens, tracks, question = "" }: Inspection): number {
  const words = (text: string): string[] => text.match(/[\p{L}\p{N}]+/gu) ?? [];
  const asked = words(question.toLowerCase());
  const text = tokens.join("");
  const told = words(tracks[0].frames[0].answer ?? "")
    .filter((word) => text.includes(word) && !asked.includes(word.toLowerCase()));
  const [longest] = told.sort((one, other) => other.length - one.length);
  if (longest === undefined) return 0;
  const place = text.indexOf(longest);
  let end = 0;
  return tokens.findIndex((token) => (end += token.length) > place + 1 || end >= place + longest.length);
}

function panel(
  { policy, along }: InspectedTrack,
  index: number,
  tokens: readonly string[],
  frame: InspectedFrame | undefined,
): string {
  // What is hidden without scripts is left to them.
  const retention = frame === undefined ? undefined : tokenRetention(frame.kept, frame.tokens);
  const spans = retention === undefined
    ? []
    : tokens.map((text, token) => `<span class="${levelOf(retention[token])}">${escapeHtml(shownToken(text))}</span>`);
  const hidden = frame === undefined && along === "tokens" ? " hidden" : "";
  const name = `The text under ${policy}; arrow keys move from token to token`;
  return `<section class="panel" data-track="${index}"${hidden}>
<h3>${escape(policy)}</h3>
<p class="facts"><span class="kept">${frame === undefined ? "" : keptText(frame)}</span></p>
<p class="answer"${frame?.answer === undefined ? " hidden" : ""}>Answer: <q>${
    escapeHtml(shownAnswer(frame?.answer ?? ""))
  }</q></p>
<p class="facts held-by"></p>
<div class="grid" role="img"></div>
<div class="text" tabindex="0" role="group" aria-label="${escape(name)}" aria-describedby="token">${
    spans.join("")
  }</div>
</section>`;
}

/** The class of a share: 0 for none, 8 for all, and eighths between that are neither. */
function levelOf(share: number | undefined): string {
  if (share === undefined) return "u";
  if (share === 0 || share === 1) return share === 0 ? "k0" : "k8";
  return `k${Math.min(7, Math.max(1, Math.round(8 * share)))}`;
}

function keptText(frame: InspectedFrame): string {
  const size = frame.liveBytes === undefined ? "" : `, ${bytes(frame.liveBytes)}`;
  return `${percent(1)(keptShare(frame))} of ${frame.tokens} tokens' rows${size}`;
}

function keptShare({ kept, tokens }: InspectedFrame): number {
  return mean(kept.flat().map((positions) => positions.length / tokens));
}

/** Every answer, as a table: what is read where scripts do not run. */
function answersTable(tracks: readonly InspectedTrack[]): string {
  const rows = tracks.flatMap(({ policy, along, frames }) =>
    frames.filter(({ answer }) => answer !== undefined).map((frame) => ({ policy, along, frame }))
  );
  if (rows.length === 0) return "";
  const order = rows.toSorted((one, other) => (one.frame.compressionRatio ?? 1) - (other.frame.compressionRatio ?? 1));
  const body = order.map(({ policy, along, frame }) => {
    const ratio = along === "ratio" ? String(frame.compressionRatio) : "within a bound";
    const size = frame.liveBytes === undefined ? "–" : bytes(frame.liveBytes);
    return `<tr><th scope="row">${escape(policy)}</th><td class="number">${ratio}</td><td class="number">${
      percent(1)(keptShare(frame))
    }</td><td class="number">${size}</td><td class="said">${escapeHtml(shownAnswer(frame.answer!))}</td></tr>`;
  });
  return `<h2>Answers</h2>
<div class="scroll" role="region" tabindex="0" aria-label="Answers"><table><thead><tr><th scope="col">policy</th>
<th scope="col">ratio</th><th scope="col">rows kept</th><th scope="col">cache</th><th scope="col">answer</th></tr></thead>
<tbody>
${body.join("\n")}
</tbody></table></div>`;
}

function layersTable(
  tracks: readonly InspectedTrack[],
  frames: readonly (InspectedFrame | undefined)[],
  at: string,
): string {
  const own = tracks.flatMap(({ policy }, index) =>
    frames[index] === undefined ? [] : [{ policy, frame: frames[index] }]
  );
  if (own.length === 0) return "";
  const head = own.map(({ policy }) => `<th scope="col">${escape(policy)}</th>`).join("");
  const body = own[0].frame.kept.map((_, layer) => {
    const cells = own.map(({ frame: { kept, tokens } }) =>
      `<td class="number">${percent(1)(mean(kept[layer].map(({ length }) => length / tokens)))}</td>`
    );
    return `<tr><th scope="row">layer ${layer}</th>${cells.join("")}</tr>`;
  });
  return `<details><summary>Rows kept by layer at ${at}</summary>
<div class="scroll" role="region" tabindex="0" aria-label="Rows kept by layer"><table><thead><tr><td></td>${head}</tr></thead>
<tbody>
${body.join("\n")}
</tbody></table></div></details>`;
}

function escape(text: string): string {
  return escapeHtml(visibleText(text));
}
