import { assert, assertEquals, assertMatch } from "@std/assert";
import type { DatasetRow } from "kvmirror/eval";
import { generateRows } from "../../../../lib/eval/dataset/tasks/generate_rows.ts";

const words = ({ context, question, answer_prefix }: DatasetRow): number =>
  (context + question + answer_prefix).split(/\s/).length;
const OPTIONS = { length: 500, samples: 30, countTokens: words };

/** The text from where a row says its answer stands. */
const placeOf = ({ context, depth }: DatasetRow): string => context.slice(Math.round(depth! * context.length));

/** The name that a row asks for. */
const askedIn = ({ question }: DatasetRow): string => question.match(/\b(?:[a-z]+_[a-z]+_[a-z]+|[a-z]+-[a-z]+)\b/)![0];

Deno.test("code_functions: each answer is what the function of that name says, and three are asked of one module", () => {
  const rows = generateRows("code_functions", OPTIONS);
  const kinds = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const { context, answer: [answer] } = row;
    assertEquals(context, rows[index - index % 3].context);
    const source = placeOf(row).split(/\n(?=def |```)/)[0];
    assert(source.startsWith(`def ${askedIn(row)}(`), source);
    assertEquals(context.split(`def ${askedIn(row)}(`).length, 2, "defined once");
    const [, value] = source.match(/return (\d+)|limit=(\d+)|ValueError\("(.*)"\)/)!.filter((part) =>
      part !== undefined
    );
    assertEquals(value, answer);
    kinds.add(source.includes("limit=") ? "default" : source.includes("raise") ? "error" : "return");
  }
  assertEquals([...kinds].sort(), ["default", "error", "return"]);
  assertEquals(new Set(rows.map(({ question }) => question)).size, rows.length);
});

Deno.test("key_values: each answer is the value of the key that is asked for", () => {
  for (const row of generateRows("key_values", OPTIONS)) {
    assertEquals(placeOf(row).split("\n")[0], `${askedIn(row)} = ${row.answer[0]}`);
    assertEquals(row.context.split(`\n${askedIn(row)} = `).length, 2);
  }
});

Deno.test("json_records: each answer is the field of the record that is asked for", () => {
  const asked = generateRows("json_records", OPTIONS).map((row) => {
    const record: Record<string, string> = JSON.parse(placeOf(row).split("\n")[0]);
    const [, field] = row.question.match(/^What is the (\w+) of /)!;
    assertEquals(record.name, askedIn(row));
    assertEquals(record[field], row.answer[0]);
    assertMatch(record.shelf, /^[A-H]\d\d$/);
    return field;
  });
  assertEquals([...new Set(asked)].sort(), ["price", "shelf", "year"]);
});

Deno.test("look-up: the same seed, the same rows, and as long as fits", () => {
  for (const task of ["code_functions", "key_values", "json_records"]) {
    const rows = generateRows(task, OPTIONS);
    assertEquals(generateRows(task, { ...OPTIONS, samples: 7 }), rows.slice(0, 7));
    const lengths = rows.map((row) => words(row) + row.max_new_tokens);
    assert(Math.max(...lengths) <= 500 && Math.min(...lengths) > 420, `${task}: ${lengths}`);
  }
});
