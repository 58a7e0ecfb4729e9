import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { byteSize, parseFlags } from "../../../tasks/cli/flags.ts";
import { type FlagTable, TASKS } from "../../../tasks/cli/task_table.ts";
import { UsageError } from "../../../tasks/cli/usage_error.ts";

const FLAGS: FlagTable = {
  "cache-dtype": { kind: "text", value: "DTYPE", default: "f32", meaning: "how rows are held" },
  "residual-length": { kind: "integer", value: "ROWS", default: 32, meaning: "the newest rows" },
  "compression-interval": { kind: "integer", value: "TOKENS", otherwise: "64", meaning: "between evictions" },
  "template-arg": { kind: "texts", value: "NAME=VALUE", otherwise: "none", meaning: "variables" },
  json: { kind: "switch", meaning: "JSON" },
};
const TASK = { name: "made_up", flags: FLAGS };

function refusal(...args: string[]): string {
  return assertThrows(() => parseFlags(args, TASK), UsageError).message;
}

Deno.test("sizes in bytes, powers of 1000 and of 1024, in any case", () => {
  const sizes = { "8MB": 8e6, "512KB": 512e3, "16MiB": 16 * 2 ** 20, "1.5 kib": 1536, "2gb": 2e9, "77": 77, "9B": 9 };
  for (const [text, bytes] of Object.entries(sizes)) assertEquals(byteSize("max-cache", text), bytes);
});

Deno.test("what is no size is a usage error that shows how to write one", () => {
  for (const text of ["", "MB", "8 XB", "-8MB", "0MB", "0.4B", "1e9MB", "8MB8", "Infinity", "99999999999GB"]) {
    assertThrows(() => byteSize("max-cache", text), UsageError, "write it like 8MB or 512KiB");
  }
});

Deno.test("an unknown flag is refused, and another word for a flag names it", () => {
  const renamed = {
    "--rows": "--cache-dtype",
    "--row-window": "--residual-length",
    "--every": "--compression-interval",
  };
  for (const [word, flag] of Object.entries(renamed)) {
    const message = `Cannot use ${word} as it is not a flag of this task: use ${flag}`;
    assertEquals([refusal(word, "8"), refusal(`${word}=8`)], [message, message]);
  }
  const other = { name: "other", flags: { model: { kind: "text", value: "M", meaning: "the model" } } } as const;
  assertThrows(() => parseFlags(["--rows", "8"], other), UsageError, "the flags are --model");
  for (const name of ["--constructor", "--toString=1", "--__proto__", "--hasOwnProperty"]) {
    assertEquals(refusal(name).startsWith(`Cannot use ${name} as it is not a flag of this task: `), true, name);
  }
});

Deno.test("values and defaults; a default is not given", () => {
  const flags = parseFlags(["--residual-length", "8", "--template-arg=a=1", "--template-arg", "b=2", "--json"], TASK);
  assertEquals([flags.text("cache-dtype"), flags.number("residual-length")], ["f32", 8]);
  assertEquals([flags.number("compression-interval"), flags.texts("template-arg")], [undefined, ["a=1", "b=2"]]);
  const given = Object.keys(FLAGS).filter((name) => flags.given(name));
  assertEquals([given, flags.toggle("json")], [["residual-length", "template-arg", "json"], true]);
});

Deno.test("a negative number and - for standard input are values", () => {
  const flags = parseFlags(["--residual-length", "-3", "--cache-dtype", "-"], TASK);
  assertEquals([flags.number("residual-length"), flags.text("cache-dtype")], [-3, "-"]);
});

Deno.test("what would be passed over is refused by its word", () => {
  assertEquals(refusal("--json=maybe"), "Cannot use --json=maybe as it takes no value: write --json");
  assertEquals(refusal("--json=true"), "Cannot use --json=true as it takes no value: write --json");
  const stray = "Cannot use the word is as made_up takes flags only: put a value of several words in quotes";
  assertEquals(refusal("--cache-dtype", "What", "is", "it?"), stray);
  assertEquals(refusal("--json", "maybe"), stray.replace("is as", "maybe as"));
  assertEquals(refusal("--", "is"), stray);
});

Deno.test("any words and flags are parsed or refused by a usage error, of every task", () => {
  const pieces = ["--", "-", "=", "json", "model", "3", "-3", "constructor", "__proto__", ".", " ", "é", "--no-json"];
  const word = fc.oneof(fc.string(), fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map((all) => all.join("")));
  fc.assert(fc.property(fc.array(word, { maxLength: 5 }), fc.constantFrom(...Object.values(TASKS)), (args, task) => {
    try {
      parseFlags(args, task);
    } catch (error) {
      assert(error instanceof UsageError, String(error));
    }
  }));
});
