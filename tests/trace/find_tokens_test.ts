import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { findTokens } from "kvmirror";

Deno.test("findTokens gives every token that has a part of the text", () => {
  const tokens = ["The", "Ġred", "Ġgate", "Ġis", "Ġ", "4", "2", ".", "Ċ", "The", "Ġred", "Ġgate"];
  assertEquals(findTokens(tokens, "red gate"), [1, 2]);
  assertEquals(findTokens(tokens, "ate is 4"), [2, 3, 4, 5]);
  assertEquals(findTokens(tokens, ".\nT"), [7, 8, 9]);
});

Deno.test("findTokens reads bytes past ASCII as GPT-2 spells them", () => {
  // bytes_to_unicode of "é" (C3 A9) is "Ã©", of a no-break space (C2 A0) "Âł": A0 is the 67th byte without a picture.
  assertEquals(findTokens(["caf", "Ã", "©", "Âł"], "é"), [1, 2]);
  assertEquals(findTokens(["caf", "Ã", "©", "Âł"], "\u00a0"), [3]);
});

Deno.test("findTokens refuses a text that is not there", () => {
  assertThrows(() => findTokens(["The", "Ġgate"], "tower"), RangeError, 'Cannot find "tower" as the prompt lacks it');
  assertThrows(() => findTokens(["The"], ""), RangeError, 'Cannot find ""');
});

Deno.test("findTokens spans the text whatever the cuts", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 8 });
  fc.assert(fc.property(words, fc.nat(), fc.nat(), (tokens, from, length) => {
    const text = tokens.join("");
    const part = text.slice(from % text.length).slice(0, 1 + length % text.length);
    const found = findTokens(tokens, part);
    const spelled = found.map((index) => tokens[index]).join("");
    assertEquals(spelled.includes(part), true);
    assertEquals(found, found.map((_, index) => found[0] + index));
  }));
});
