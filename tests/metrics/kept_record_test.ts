import { assertEquals, assertThrows } from "@std/assert";
import { parseRetentionRecord } from "kvmirror";

Deno.test("parseKeptRecord reads tokens and positions, and leaves the rest alone", () => {
  const kept = [[[0, 2], [2]], [[2], []]];
  const text = JSON.stringify({ policy: "hybrid", tokens: ["A", "", "ü"], kept, live_bytes: "?" });
  const record = parseRetentionRecord(text);
  assertEquals([record.policy, record.tokens, record.kept], ["hybrid", ["A", "", "ü"], kept]);
  assertEquals([...record.retention], [0.25, 0, 0.75]);
  assertEquals("policy" in parseRetentionRecord('{"policy": 3, "tokens": ["A"], "kept": [[[]]]}'), false);
});

Deno.test("a record that is none is refused in one line that says what it lacks", () => {
  const syntax: [string, string][] = [
    ["", "no JSON"],
    ["{", "no JSON"],
    ["null", "no tokens"],
    ["3", "no tokens"],
    ["[]", "no tokens"],
    ['{"kept": [[[0]]]}', "no tokens"],
    ['{"tokens": "AB", "kept": [[[0]]]}', "no tokens"],
    ['{"tokens": [1], "kept": [[[0]]]}', "no tokens"],
    ['{"tokens": ["A"]}', "no kept positions"],
    ['{"tokens": ["A"], "kept": [[0]]}', "no kept positions"],
    ['{"tokens": ["A"], "kept": [[["0"]]]}', "no kept positions"],
  ];
  for (const [text, message] of syntax) {
    const error = assertThrows(() => parseRetentionRecord(text), SyntaxError, message);
    assertEquals(error.message.includes("\n"), false);
  }
  const range: [string, string][] = [
    ['{"tokens": [], "kept": [[[]]]}', "0 tokens"],
    ['{"tokens": ["A"], "kept": []}', "0 kv heads"],
    ['{"tokens": ["A"], "kept": [[[1]]]}', "position 1 of layer 0, kv head 0"],
    ['{"tokens": ["A", "B"], "kept": [[[1, 0]]]}', "position 0 of layer 0, kv head 0"],
  ];
  for (const [text, message] of range) assertThrows(() => parseRetentionRecord(text), RangeError, message);
});
