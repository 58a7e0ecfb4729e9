import { escapeHtml } from "../render/escape.ts";

/** A page of the site, before it has its frame. */
export interface Page {
  /** The file's name in the site's folder. */
  readonly file: string;
  /** What the window and the list of pages call it. */
  readonly title: string;
  /** What stands in the page, as HTML. */
  readonly body: string;
  /** Scripts of the site that the page runs, by their paths in it, in order. */
  readonly scripts?: readonly string[];
}

/** A link of the bar above every page. */
export type PageLink = Pick<Page, "file" | "title">;

/**
 * What a page may load: files of the site and nothing from elsewhere. A browser that opens a file takes it for no origin
 * at all, and `'self'` for nothing, so files are named beside it.
 */
const POLICY = [
  "default-src 'none'",
  "img-src 'self' file: data: blob:",
  "script-src 'self' file:",
  "style-src 'self' file: 'unsafe-inline'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A page as an HTML document: the bar of links, the body, and a foot that says how it was made. */
export function pageDocument({ file, title, body, scripts = [] }: Page, bar: readonly PageLink[]): string {
  const links = bar.map((link) => {
    const current = link.file === file ? ' aria-current="page"' : "";
    return `<a href="${escapeHtml(link.file)}"${current}>${escapeHtml(link.title)}</a>`;
  });
  const tags = scripts.map((path) => `<script src="${escapeHtml(path)}" defer></script>\n`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · KVMirror</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="assets/site.css">
${tags.join("")}</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><nav aria-label="Pages">${links.join(" ")}</nav></header>
<main id="content">
${body}
</main>
<footer><p>Made by <code>deno task site</code> from the committed reports. No server, no network.</p></footer>
</body>
</html>
`;
}

/** A box that scrolls sideways by itself, by mouse, finger and keyboard, so that the page does not. */
export function scrollBox(html: string, label: string): string {
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(label)}">\n${html}\n</div>`;
}
