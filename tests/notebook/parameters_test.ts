import { assertEquals, assertThrows } from "@std/assert";
import { declaredParameters, injectParameters, parameterValues } from "../../lib/notebook/parameters.ts";
import { syntheticNotebook } from "../fixtures/synthetic_notebook.ts";

const parameters = (source: string) => ({ source, tags: ["parameters"] });

Deno.test("parameters are set in a cell after those they replace; the ones that are not declared are left out", () => {
  const notebook = syntheticNotebook("1", parameters('let model = "auto"; // which\nlet seed: number = 42;'), "2");
  const set = injectParameters(notebook, { seed: 7, profile: "quick" });
  assertEquals(set.cells.map(({ id }) => id), ["c1", "c2", "injected-parameters", "c3"]);
  assertEquals(set.cells[2].source, "let seed = 7;");
  assertEquals(parameterValues(set), { model: "auto", seed: 7 });
  assertEquals(injectParameters(set, { seed: 8 }).cells[2].source, "let seed = 8;", "set again, not twice");
});

Deno.test("a notebook without parameters stays as it is", () => {
  const notebook = syntheticNotebook("let seed = 1;");
  assertEquals(injectParameters(notebook, { seed: 2 }), notebook);
  assertEquals(parameterValues(notebook), {});
});

Deno.test("values are read where they are literals", () => {
  const source =
    'let count = 1_000_000;\nlet share = 0.5;\nlet fast: boolean = true;\nlet sum = 1 + 1;\nlet name = "a_1";';
  const values = parameterValues(syntheticNotebook(parameters(source)));
  assertEquals(values, { count: 1_000_000, share: 0.5, fast: true, name: "a_1" });
});

Deno.test("a parameter that is a const cannot be set, and is an error", () => {
  const notebook = syntheticNotebook(parameters("const seed = 1;"));
  assertThrows(
    () => declaredParameters(notebook),
    SyntaxError,
    "seed as it is declared with const: declare it with let",
  );
});
