import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { escapeMarkdown } from "kvmirror/report";
import { escapeHtml } from "../../../lib/report/render/escape.ts";

Deno.test("escapeMarkdown escapes what Markdown reads, and no underscore inside a word", () => {
  assertEquals(
    escapeMarkdown("keep_all _x_ *y* `z` [a](b) <i> #1 ~s~ a|b \\"),
    [
      "keep_all \\_x\\_ \\*y\\* \\`z\\` \\[a\\](b) \\<i\\> \\#1 \\~s\\~ a\\|b \\\\",
    ].join(),
  );
  assertEquals(escapeMarkdown("two\r\n  lines"), "two lines");
});

Deno.test("escapeMarkdown leaves no cell border, no tag and no second line, and loses nothing else", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const escaped = escapeMarkdown(text);
    const bare = escaped.replaceAll(/\\[\\|*`<>[\]#~&$_]/g, "");
    assert(!/[\\|*`<>[\]#~&$\r\n\u2028\u2029]/.test(bare), escaped);
    const undone = escaped.replaceAll(/\\([\\|*`<>[\]#~&$_])/g, "$1");
    assertEquals(undone, text.replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, " "));
  }));
});

Deno.test("escapeHtml leaves no tag, entity or quote", () => {
  assertEquals(escapeHtml(`<a href="x">&'`), "&#60;a href=&#34;x&#34;&#62;&#38;&#39;");
});
