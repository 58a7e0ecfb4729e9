import { assert, assertEquals, assertThrows } from "@std/assert";
import { factConversation } from "kvmirror/eval";

Deno.test("each question's answer was told once, in an earlier turn; the same seed, the same conversation", () => {
  for (let seed = 0; seed < 20; seed++) {
    const turns = factConversation({ seed });
    const [told, asked] = [turns.slice(0, 4), turns.slice(4)];
    assert(told.every(({ says, answer }) => answer === undefined && says.endsWith("Reply with the word OK.")));
    for (const { says, answer } of asked) {
      assertEquals(told.filter((turn) => new RegExp(`\\b${answer}\\b`).test(turn.says)).length >= 1, true, answer);
      assert(!says.includes(answer!), says);
    }
    assertEquals(new Set(asked.map(({ says }) => says)).size, 4);
    assertEquals(factConversation({ seed }), turns);
  }
  assert(factConversation({ seed: 1 })[0].says !== factConversation({ seed: 2 })[0].says);
});

Deno.test("as many facts as are asked for, up to one of each kind", () => {
  assertEquals(factConversation({ facts: 6, words: 20 }).length, 12);
  assertEquals(factConversation({ facts: 1 }).length, 2);
  for (
    const [options, said] of [[{ facts: 7 }, "facts 7"], [{ facts: 0 }, "facts 0"], [{ words: 5 }, "words 5"]] as const
  ) {
    assertThrows(() => factConversation(options), RangeError, `Cannot write a conversation with ${said} as it must be`);
  }
});
