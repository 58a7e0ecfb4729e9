import { assertEquals, assertThrows } from "@std/assert";
import { type DatasetRow, parseDatasetRows } from "kvmirror/eval";
import { evaluationGolden } from "../../fixtures/evaluation_golden.ts";

const ROW = { task: "t", context: "c", question: "q", answer_prefix: "p", answer: ["a"], max_new_tokens: 3 };

Deno.test("kvpress's rows are read as they are, blank lines and further fields aside", () => {
  const { rows } = evaluationGolden();
  const text = rows.map((row) => JSON.stringify({ ...row, source: 7 })).join("\r\n\n") + "\n\n";
  assertEquals(parseDatasetRows(text, "f"), rows);
  const { question: _, answer_prefix: __, ...least } = ROW;
  assertEquals(parseDatasetRows(JSON.stringify(least), "f"), [{ ...ROW, question: "", answer_prefix: "" }]);
});

Deno.test("a malformed line is named with its number, in one line", () => {
  const refused = (line: string, message: string) => {
    const error = assertThrows(() => parseDatasetRows(`${JSON.stringify(ROW)}\n${line}\n`, "f.jsonl"), SyntaxError);
    assertEquals(error.message.includes(`line 2 of f.jsonl as ${message}`), true, error.message);
    assertEquals(error.message.includes("\n"), false);
  };
  const without = (field: string) => JSON.stringify({ ...ROW, [field]: undefined });
  refused('{"task": "t", ', "JSON: it goes wrong at character 15");
  refused("[1]", "it is no JSON object");
  refused("null", "it is no JSON object");
  refused(without("answer"), "it has no answer: give a list of texts");
  refused(JSON.stringify({ ...ROW, answer: [] }), "it has [] for answer");
  refused(JSON.stringify({ ...ROW, answer: [1] }), "it has [1] for answer");
  refused(without("task"), "it has no task: give a text");
  refused(without("context"), "it has no context");
  refused(without("max_new_tokens"), "it has no max_new_tokens: give a whole number");
  refused(JSON.stringify({ ...ROW, max_new_tokens: 0 }), "it has 0 for max_new_tokens");
  assertThrows(
    () => parseDatasetRows(JSON.stringify({ ...ROW, context: "" }), "f"),
    SyntaxError,
    "context is empty",
  );
});

Deno.test("a row may name its template, its scorer and its classes; names that are not known are refused", () => {
  const row = { ...ROW, template: "none", scorer: "token_f1", all_classes: ["a", "b"] };
  assertEquals(parseDatasetRows(JSON.stringify(row), "f"), [row as DatasetRow]);
  const refused = (fields: object, message: string) =>
    assertThrows(() => parseDatasetRows(JSON.stringify({ ...ROW, ...fields }), "f"), SyntaxError, message);
  refused({ template: "raw" }, 'Cannot read line 1 of f as it has "raw" for template: give chat or none');
  refused({ scorer: "token_f2" }, 'Cannot read line 1 of f: Cannot find scorer "token_f2": did you mean token_f1?');
});

Deno.test("a dataset without rows is refused", () => {
  for (const text of ["", "\n \n"]) {
    assertThrows(() => parseDatasetRows(text, "f"), SyntaxError, "f as it has no rows");
  }
});
