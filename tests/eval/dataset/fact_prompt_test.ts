import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { factPrompt } from "kvmirror/eval";

Deno.test("factPrompt is drawn from its seed alone", () => {
  assertEquals(factPrompt({ seed: 3 }), factPrompt({ seed: 3 }));
  assertNotEquals(factPrompt({ seed: 3 }).text, factPrompt({ seed: 4 }).text);
});

Deno.test("every fact is in the text once, at its depth, can be told apart and answers its question", () => {
  const options = fc.record({
    seed: fc.nat(),
    facts: fc.integer({ min: 1, max: 8 }),
    sentences: fc.integer({ min: 8, max: 80 }),
  });
  fc.assert(fc.property(options, (given) => {
    const { text, facts } = factPrompt(given);
    assertEquals(facts.length, given.facts);
    for (const [index, { sentence, question, answerPrefix, answer, depth }] of facts.entries()) {
      assertEquals(text.split(sentence).length, 2);
      assertEquals(text.indexOf(sentence) / text.length, depth);
      assertEquals(sentence, `${answerPrefix} ${answer}.`);
      assert(/^\d{4}$/.test(answer));
      assertEquals(question.match(/the (\w+ \w+)\?$/)![1], answerPrefix.match(/the (\w+ \w+) is$/)![1]);
      assert(index === 0 || depth > facts[index - 1].depth);
    }
    assertEquals(new Set(facts.map(({ question }) => question)).size, given.facts);
    assertEquals(text.match(/[^.]+\./g)!.length, given.sentences + given.facts);
  }));
});

Deno.test("facts are spread evenly: each begins within its own part of the boilerplate", () => {
  for (let seed = 0; seed < 50; seed++) {
    factPrompt({ seed, facts: 4, sentences: 40 }).facts.forEach(({ depth }, index) => {
      assert(depth >= index / 4 - 0.03 && depth < (index + 1) / 4 + 0.03, `seed ${seed}: ${depth} of fact ${index}`);
    });
  }
});

Deno.test("factPrompt refuses more facts than it can tell apart, and fewer sentences than facts", () => {
  assertThrows(() => factPrompt({ facts: 9 }), RangeError, "Cannot write 9 facts");
  assertThrows(() => factPrompt({ facts: 0 }), RangeError, "Cannot write 0 facts");
  assertThrows(() => factPrompt({ facts: 4, sentences: 3 }), RangeError, "Cannot write 3 sentences around 4 facts");
});
