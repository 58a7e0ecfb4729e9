import { assertEquals, assertThrows } from "@std/assert";
import { byteSize } from "../../../tasks/cli/flags.ts";
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
