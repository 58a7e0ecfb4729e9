import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { inOrder } from "../../../lib/eval/scorers/in_order.ts";

Deno.test("references count until the answer says another thing; marks, capitals and a beginning do not matter", () => {
  const list = ["red", "green", "blue", "grey"];
  const cases: [prediction: string, score: number][] = [
    ["red, green, blue, grey", 1],
    ["Here it is:\n- Red\n- Green\n- Blue\n- Grey\nand more", 1],
    ["red, green, grey, blue", 0.5],
    ["red green green blue grey", 0.5],
    ["green, blue, grey", 0],
    ["reddish, green", 0],
    ["", 0],
  ];
  for (const [prediction, score] of cases) assertEquals(inOrder(prediction, list), score, prediction);
  assertEquals(inOrder("5 + 3 = 8\n8 + 4 = 13", ["5 + 3 = 8", "8 + 4 = 12"]), 0.5);
  assertEquals(inOrder("deep-scarf, firm-bridge", ["deep-scarf", "firm-bridge"]), 1);
});

Deno.test("an answer that is the first of the references scores their share, whatever stands between them", () => {
  const word = fc.stringMatching(/^[a-z]{1,5}$/);
  const list = fc.uniqueArray(word, { minLength: 1, maxLength: 12 });
  fc.assert(fc.property(list, fc.nat(12), fc.constantFrom(" ", ", ", "\n- "), (words, count, between) => {
    const said = words.slice(0, count);
    assertEquals(inOrder(said.join(between), words), said.length / words.length);
  }));
});
