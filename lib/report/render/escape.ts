export { escapeHtml } from "../../display/facts.ts";

/**
 * Escapes text for one cell of a Markdown table or one line of prose: it reads there as it stands, whatever it holds.
 * An underscore inside a word stays, as it marks nothing there (GitHub Flavored Markdown, 6.2).
 *
 * @example
 * ```ts
 * import { escapeMarkdown } from "kvmirror/report";
 *
 * escapeMarkdown("keep_all | *all*"); // "keep_all \\| \\*all\\*"
 * ```
 */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/[\\|*`<>[\]#~&$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&")
    .replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, " ");
}
