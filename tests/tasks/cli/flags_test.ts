import { assertEquals, assertThrows } from "@std/assert";
import { byteSize, parseFlags } from "../../../tasks/cli/flags.ts";
import { UsageError } from "../../../tasks/cli/run_task.ts";

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
  const types = { text: ["cache-dtype"], integer: ["residual-length", "compression-interval"] };
  const renamed = {
    "--rows": "--cache-dtype",
    "--row-window": "--residual-length",
    "--every": "--compression-interval",
  };
  for (const [word, flag] of Object.entries(renamed)) {
    const message = `Cannot use ${word} as it is not a flag of this task: use ${flag}`;
    assertEquals(assertThrows(() => parseFlags([word, "8"], types), UsageError).message, message);
    assertEquals(assertThrows(() => parseFlags([`${word}=8`], types), UsageError).message, message);
  }
  assertThrows(() => parseFlags(["--rows", "8"], { text: ["model"] }), UsageError, "the flags are --model");
});
