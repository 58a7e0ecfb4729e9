import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Notebook } from "../../lib/notebook/notebook.ts";
import { parseNotebook } from "../../lib/notebook/parse_notebook.ts";
import { serializeNotebook } from "../../lib/notebook/serialize_notebook.ts";

const text = fc.string({ unit: fc.constantFrom("a", "é", "\n", " ", '"', "\\", "𝛼") });
const data = fc.record({ "text/plain": text, "image/png": fc.base64String(), "application/json": fc.jsonValue() }, {
  requiredKeys: [],
});
const output = fc.oneof(
  fc.record({
    type: fc.constant("stream" as const),
    name: fc.constantFrom("stdout" as const, "stderr" as const),
    text,
  }),
  fc.record({ type: fc.constantFrom("display" as const, "result" as const), data, metadata: fc.constant({}) }),
  fc.record({ type: fc.constant("error" as const), name: text, message: text, traceback: fc.array(text) }),
);
const source = { source: text, metadata: fc.record({ tags: fc.array(fc.string()) }, { requiredKeys: [] }) };
const cell = fc.oneof(
  fc.record({ type: fc.constantFrom("markdown" as const, "raw" as const), ...source }),
  fc.record({
    type: fc.constantFrom("markdown" as const, "raw" as const),
    ...source,
    attachments: fc.dictionary(fc.constantFrom("a.png", "b c.svg"), fc.record({ "image/png": fc.base64String() })),
  }),
  fc.record({
    type: fc.constant("code" as const),
    ...source,
    executionCount: fc.option(fc.nat()),
    outputs: fc.array(output),
  }),
);

Deno.test("a notebook that was written reads as it was", () => {
  fc.assert(fc.property(fc.array(cell), (cells) => {
    const notebook = { cells: cells.map((value, index) => ({ ...value, id: `c${index}` })), metadata: {} } as Notebook;
    const written = serializeNotebook(notebook);
    assertEquals(parseNotebook(written).cells, JSON.parse(JSON.stringify(notebook.cells)));
    assertEquals(serializeNotebook(parseNotebook(written)), written);
  }));
});

Deno.test("forms of an output are written in one order, and nothing of the kernel's version", () => {
  const outputs = (keys: string[]) => [{
    type: "display" as const,
    data: Object.fromEntries(keys.map((key) => [key, "x"])),
    metadata: {},
  }];
  const write = (keys: string[]) =>
    serializeNotebook({
      cells: [{ type: "code", id: "a", source: "", metadata: {}, executionCount: 1, outputs: outputs(keys) }],
      metadata: { language_info: { version: "6.0.3" } },
    });
  assertEquals(write(["text/plain", "image/svg+xml"]), write(["image/svg+xml", "text/plain"]));
  assertEquals(write([]).includes("6.0.3"), false);
});

Deno.test("cells of older notebooks get an id from their place; texts may be lists of lines", () => {
  const old = { nbformat: 4, metadata: {}, cells: [{ cell_type: "code", source: ["a\n", "b"] }] };
  assertEquals(parseNotebook(JSON.stringify(old)).cells, [
    { type: "code", id: "cell-1", source: "a\nb", metadata: {}, executionCount: null, outputs: [] },
  ]);
});

Deno.test("a notebook of another kernel is refused by name; deno's, JavaScript's and one that names none are read", () => {
  const read = (metadata: unknown) => parseNotebook(JSON.stringify({ nbformat: 4, metadata, cells: [] }));
  const python = { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } };
  const message = "its kernel is python3, its language python: the kernel here is deno, the language typescript";
  assertThrows(() => read(python), SyntaxError, message);
  assertThrows(() => read({ kernelspec: { name: "python3" } }), SyntaxError, "python3, its language not named");
  assertThrows(() => read({ language_info: { name: "R" } }), SyntaxError, "not named, its language R");
  assertThrows(() => read({ language_info: { name: { a: 1 } } }), SyntaxError, 'its language {"a":1}: the kernel');
  assertThrows(() => read({ language_info: { name: "a\nb" } }), SyntaxError, 'its language "a\\nb": the kernel');
  for (const name of ["typescript", "TypeScript", "javascript"]) read({ language_info: { name } });
  for (const metadata of [{}, { kernelspec: { name: "deno", display_name: "Deno" } }]) read(metadata);
});

Deno.test("attachments stay with their cell, before its id as nbformat sorts keys", () => {
  const attachments = { "a.png": { "image/png": "iVBORw0KGgo=" } };
  const cell = { cell_type: "markdown", id: "c0", metadata: {}, source: "![a](attachment:a.png)", attachments };
  const written = serializeNotebook(parseNotebook(JSON.stringify({ nbformat: 4, metadata: {}, cells: [cell] })));
  assertEquals(JSON.parse(written).cells, [{ ...cell, source: [cell.source] }]);
});

Deno.test("a text that is no notebook is an error that names the place", () => {
  const cell = (value: unknown) => ({ nbformat: 4, cells: [value] });
  const twice = { cell_type: "raw", id: "a", source: "" };
  const cases: [unknown, string][] = [
    ["{", "Cannot read the notebook as JSON: it goes wrong at character 2"],
    [[], "the notebook as it must be an object"],
    [{ nbformat: 3 }, "its nbformat is 3: it must be 4"],
    [{ nbformat: 4 }, "no list of cells"],
    [cell(1), "cell 1 as it must be an object"],
    [cell({ cell_type: "code" }), "cell 1's source as it must be a text or a list of lines"],
    [cell({ cell_type: "heading", source: "" }), 'cell 1 as its cell_type is "heading"'],
    [cell({ cell_type: "code", source: "", id: "ä" }), 'cell 1 as its id is "ä"'],
    [cell({ cell_type: "code", source: "", outputs: [{ output_type: "x" }] }), 'an output_type is "x"'],
    [{ nbformat: 4, cells: [twice, twice] }, 'two cells have the id "a"'],
  ];
  for (const [value, message] of cases) {
    const given = typeof value === "string" ? value : JSON.stringify(value);
    assertThrows(() => parseNotebook(given), SyntaxError, message);
  }
});
