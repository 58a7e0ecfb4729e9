import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { cleanSpaces, createSpaceCleaner } from "../../../lib/engine/tokenizer/clean_spaces.ts";

const words = fc.array(
  fc.constantFrom(
    " ",
    "  ",
    ".",
    "?",
    "!",
    ",",
    "'",
    " ' ",
    "n't",
    "'m",
    "'s",
    "'ve",
    "'re",
    "n",
    "'",
    "v",
    "r",
    "e",
    "a",
    "\n",
  ),
  { maxLength: 12 },
);

Deno.test("spaces are taken out as transformers takes them out", () => {
  // What transformers 5.2.0 makes of these texts.
  assertEquals(cleanSpaces("I do n't , he said . ' yes '"), "I don't, he said.'yes '");
  assertEquals(cleanSpaces("  ' re 's  . ' ."), "'re's . '.");
});

Deno.test("a text in pieces, cleaned, is the whole text cleaned", () => {
  fc.assert(
    fc.property(words, (pieces) => {
      const cleaner = createSpaceCleaner();
      const given = pieces.map((piece) => cleaner.push(piece)).join("") + cleaner.flush();
      assertEquals(given, cleanSpaces(pieces.join("")));
    }),
    { numRuns: 20_000 },
  );
});
