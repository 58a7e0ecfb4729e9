import MarkdownIt, { type StateBlock } from "markdown-it";
import { escapeHtml } from "../render/escape.ts";
import { headingAnchor } from "../files/summary.ts";
import { scrollBox } from "./page.ts";
import { altText, MAX_ALT } from "../render/alt_text.ts";

/** Where the links and pictures of a text lead. */
export interface Targets {
  /** The address for a link that is no web address and no heading of the same text; undefined: it leads nowhere. */
  link(address: string): string | undefined;
  /** The address for a picture; undefined: its text stands in its place. */
  picture(address: string): string | undefined;
}

/**
 * Renders Markdown as GitHub does, tables and anchors of headings with it. HTML in it stays text, but for the lines that
 * fold a part (`<details><summary>…</summary>` and `</details>`) and comments, which are left out; links lead to the web,
 * to headings, or where `targets` says. So a text that nobody has read can do no harm.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { renderMarkdown } from "./markdown.ts";
 *
 * const targets = { link: () => undefined, picture: () => undefined };
 * assertEquals(renderMarkdown("<b>*a*</b>", targets), "<p>&lt;b&gt;<em>a</em>&lt;/b&gt;</p>\n");
 * ```
 */
export function renderMarkdown(text: string, targets: Targets): string {
  const markdown = new MarkdownIt({ html: false });
  markdown.block.ruler.before("paragraph", "fold", foldRule, { alt: ["paragraph", "blockquote", "list"] });
  const anchors = new Map<string, number>();
  const { rules } = markdown.renderer;
  rules.fold_open = (tokens, index) => `<details><summary>${markdown.renderInline(tokens[index].content)}</summary>\n`;
  rules.fold_close = () => "</details>\n";
  rules.heading_open = (tokens, index) => {
    const anchor = headingAnchor(tokens[index + 1].content, anchors);
    return `<${tokens[index].tag} id="${escapeHtml(anchor)}">`;
  };
  rules.table_open = () => `<div class="scroll" role="region" tabindex="0" aria-label="Table">\n<table>\n`;
  rules.table_close = () => "</table>\n</div>\n";
  rules.image = (tokens, index) => {
    const [token] = tokens.slice(index);
    const address = targets.picture(String(token.attrGet("src") ?? ""));
    if (address === undefined) return escapeHtml(token.content);
    return pictureBox(address, token.content);
  };
  rules.link_open = (tokens, index, options, _, self) => {
    const [token] = tokens.slice(index);
    const address = String(token.attrGet("href") ?? "");
    const target = /^(https?:|#)/i.test(address) ? address : targets.link(address);
    token.attrs = target === undefined ? [] : [["href", target], ["rel", "noreferrer"]];
    return self.renderToken(tokens, index, options);
  };
  return markdown.render(text.replaceAll(/^<!--[^]*?-->\n?/gm, ""));
}

/** A picture at its own size, which has words that say what it shows; the long ones stand folded below it. */
export function pictureBox(address: string, description: string): string {
  const picture = `<img src="${escapeHtml(address)}" alt="${escapeHtml(altText(description))}" loading="lazy">`;
  const words = description.length > MAX_ALT
    ? `\n<details><summary>The picture in words</summary><p>${escapeHtml(description)}</p></details>`
    : "";
  return `${scrollBox(picture, "Picture")}${words}`;
}

const OPENS = /^<details><summary>(.*)<\/summary>$/;

/** Reads the two lines that fold a part of a text, and nothing else of HTML. */
function foldRule(state: StateBlock, start: number, _end: number, silent: boolean): boolean {
  const line = state.src.slice(state.bMarks[start] + state.tShift[start], state.eMarks[start]).trim();
  const summary = line.match(OPENS)?.[1];
  if (summary === undefined && line !== "</details>") return false;
  if (silent) return true;
  const token = state.push(summary === undefined ? "fold_close" : "fold_open", "details", 0);
  token.content = summary ?? "";
  state.line = start + 1;
  return true;
}
