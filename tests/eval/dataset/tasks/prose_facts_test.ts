import { assert, assertEquals } from "@std/assert";
import type { DatasetRow } from "kvmirror/eval";
import { generateRows } from "../../../../lib/eval/dataset/tasks/generate_rows.ts";

const words = ({ context, question, answer_prefix }: DatasetRow): number =>
  (context + question + answer_prefix).split(/\s/).length;

for (const task of ["facts_novel", "facts_licences"]) {
  Deno.test(`${task}: three questions a text, each answered by one sentence of it`, () => {
    const rows = generateRows(task, { length: 700, samples: 24, countTokens: words });
    assertEquals(new Set(rows.map(({ context }) => context)).size, 8);
    for (const [index, { context, question, answer: [answer], depth, max_new_tokens }] of rows.entries()) {
      assertEquals(context, rows[index - index % 3].context);
      const sentence = context.slice(Math.round(depth! * (context.length - 2))).split(/(?<=\.)\s/)[0];
      assert(sentence.includes(answer), `${answer} is not in: ${sentence}`);
      assert(words(rows[index]) + max_new_tokens <= 700);
      assert(!/special magic|memorize/i.test(context + question));
    }
    assertEquals(new Set(rows.slice(0, 3).map(({ question }) => question)).size, 3);
    assertEquals(rows.slice(0, 7), generateRows(task, { length: 700, samples: 7, countTokens: words }));
  });
}
