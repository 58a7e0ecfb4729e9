import { assertEquals } from "@std/assert";
import { bytes, fixed, percent, plain } from "kvmirror/report";

Deno.test("plain groups thousands, writes four decimals, and leaves the rest as it is", () => {
  const cells = [0, 999, 1000, 73924608, -1234567, 0.265625, 1234.5, true, "hybrid", null, undefined, NaN];
  assertEquals(cells.map(plain), [
    ...["0", "999", "1,000", "73,924,608", "-1,234,567", "0.2656", "1,234.5000", "true", "hybrid", "–", "–", "–"],
  ]);
});

Deno.test("fixed and percent round to their digits", () => {
  assertEquals([fixed(2)(0.5), fixed(0)(12345.6), fixed(1)(null)], ["0.50", "12,346", "–"]);
  assertEquals([percent(1)(0.2656), percent(0)(1), percent(0)("n/a")], ["26.6 %", "100 %", "n/a"]);
});

Deno.test("bytes takes the largest unit that leaves at least one", () => {
  assertEquals([0, 1, 1023, 1024, 73924608, 2 ** 40, 2 ** 51].map(bytes), [
    ...["0 B", "1 B", "1,023 B", "1.0 KiB", "70.5 MiB", "1.0 TiB", "2,048.0 TiB"],
  ]);
});
