import { assertEquals, assertThrows } from "@std/assert";
import { parseJson, parseJsonObject } from "../../lib/files/json_object.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("JSON is what JSON.parse gives, whatever its keys are called", () => {
  for (const text of ["{}", ' {"a": [1, {"b": "x:y{\\"["}], "__proto__": 1} ', '{"": {"": []}}', "[[[]]]", "1"]) {
    assertEquals(parseJson(text, "x.json"), JSON.parse(text));
  }
});

/** What is wrong, by its text; hand-written. */
const WRONG: Readonly<Record<string, string>> = {
  "": "Cannot read x.json as JSON: it ends before it is whole",
  '{"a": [1': "Cannot read x.json as JSON: it goes wrong at character 9",
  '{"a": "b': "Cannot read x.json as JSON: it ends before it is whole",
  '{"a": 1,\n}': "Cannot read x.json as JSON: it goes wrong at line 2, column 1",
  "[]": 'Cannot read x.json as it must be a JSON object: it is "[]"',
  '{"a": 1, "a": 2}': 'Cannot read x.json as the key "a" is there twice',
  '{"a": 1, "\\u0061": 2}': 'Cannot read x.json as the key "a" is there twice',
  '{"a": [{"b": {"c": 1, "d": [], "c": 2}}]}': 'Cannot read x.json as the key "c" is there twice',
  '{"__proto__": 1, "__proto__": 2}': 'Cannot read x.json as the key "__proto__" is there twice',
  [`{"a":${"[".repeat(1e6)}`]: "Cannot read x.json as its lists and objects nest too deep: the limit is 128 levels",
};
for (const [text, message] of Object.entries(WRONG)) {
  Deno.test(`${JSON.stringify(text.slice(0, 50))} is one line in our own words`, () => {
    const error = assertThrows(() => parseJsonObject(bytes(text), "x.json"), SyntaxError);
    assertEquals(error.message, message);
  });
}

Deno.test("a text of 16 million characters, and a million keys, are read", () => {
  const long = "\\n".repeat(8e6);
  assertEquals((parseJsonObject(bytes(`{"a":"${long}"}`), "x.json").a as string).length, 8e6);
  const keys = Array.from({ length: 1e6 }, (_, index) => `"${index}":0`).join(",");
  assertEquals(Object.keys(parseJsonObject(bytes(`{${keys}}`), "x.json")).length, 1e6);
});
