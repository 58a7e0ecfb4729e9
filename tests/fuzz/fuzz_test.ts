import { assertEquals } from "@std/assert";
import { classifyError, WrongResult } from "./classify.ts";
import { Fuzzer, table } from "./fuzz.ts";
import { Draws, mutateJson } from "./mutate.ts";
import { READERS } from "./readers.ts";

/** Inputs of each reader in the gate; `deno task fuzz` runs 30,000, or as many as there is time for. */
const INPUTS = 500;
const SEED = 1;

Deno.test(`${INPUTS} malformed inputs of each of ${READERS.length} readers are read rightly or refused in one clear line`, async () => {
  using fuzzer = new Fuzzer();
  const rows = [];
  for (const { name } of READERS) {
    rows.push({ reader: name, inputs: INPUTS, ...await fuzzer.run(name, SEED, 0, INPUTS) });
  }
  const faults = rows.flatMap((row) => row.faults);
  assertEquals(faults, [], `deno task fuzz --inputs ${INPUTS} --seed ${SEED} keeps the inputs\n${table(rows)}`);
  // Inputs that are all refused at once, or all read, would test little.
  const read = rows.map(({ reader, counts }) => [reader, counts.accepted ?? 0] as const);
  assertEquals(read.filter(([, accepted]) => accepted === 0), []);
});

Deno.test("errors are told apart: our line, V8's words in it, V8's alone, a wrong result", () => {
  const of = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return classifyError(error);
    }
  };
  const cannot = (what: string) => () => {
    throw new SyntaxError(`Cannot read x.json as ${what}`);
  };
  assertEquals(of(cannot("its size is -1")), "clear");
  assertEquals(of(cannot("its name is \"Unexpected token 'x'\"")), "clear");
  assertEquals(of(cannot("Unexpected end of JSON input")), "wrapped");
  assertEquals(of(cannot("its size is NaN")), "wrapped");
  assertEquals(of(cannot(`its name is ${"a".repeat(2000)}`)), "wrapped");
  assertEquals(of(() => JSON.parse("{")), "raw");
  assertEquals(of(() => (undefined as unknown as { a: number }).a), "raw");
  assertEquals(of(() => new Array(-1)), "raw");
  assertEquals(
    of(() => {
      throw new WrongResult("a count is a text");
    }),
    "wrong",
  );
});

Deno.test("an input that does not end is slow, and the inputs around it are run", async () => {
  // The policy's reader is replaced by one that hangs on one input.
  using fuzzer = new Fuzzer(new URL("./hanging_worker.ts", import.meta.url), 500);
  const { counts, faults } = await fuzzer.run("any", SEED, 0, 5);
  assertEquals(counts, { accepted: 4, slow: 1 });
  assertEquals(faults.map(({ input }) => input), [3]);
});

Deno.test("a seed and a number make the same input each time, and others another", () => {
  const text = JSON.stringify({ a: [1, 2, { b: "c" }], d: null });
  const make = (seed: string) => mutateJson(text, new Draws(seed));
  assertEquals(make("1 x 7"), make("1 x 7"));
  assertEquals(new Set(Array.from({ length: 50 }, (_, input) => make(`1 x ${input}`))).size > 40, true);
});
