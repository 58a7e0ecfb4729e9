import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { jsonReport, writeMeasurements } from "kvmirror/report";

Deno.test("jsonReport ends in a newline and is read back whole", () => {
  const value = { rows: [{ policy: "hybrid", recall: 0.5, low: null }] };
  const text = jsonReport(value);
  assertEquals([JSON.parse(text), text.endsWith("}\n")], [value, true]);
});

Deno.test("jsonReport names the place of what JSON would lose", () => {
  const refuse = (value: unknown, message: string): unknown =>
    assertThrows(() => jsonReport(value), TypeError, message);
  refuse({ rows: [{ a: NaN }] }, "Cannot write $.rows[0].a as JSON has no NaN");
  refuse([1, -Infinity], "Cannot write $[1] as JSON has no -Infinity");
  refuse([1, undefined], "Cannot write $[1]");
  refuse({ n: 1n }, "Cannot write $.n as JSON has no bigint");
  refuse({ kept: new Uint32Array(2) }, "Cannot write $.kept as it is a typed array");
});

Deno.test("writeMeasurements keeps the other notebooks' numbers, and refuses a file that is no JSON object", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.remove(path);
    await writeMeasurements(path, "b", { milliseconds: 2 });
    await writeMeasurements(path, "a", { milliseconds: 1 });
    await writeMeasurements(path, "b", { milliseconds: 3 });
    const expected = { a: { milliseconds: 1 }, b: { milliseconds: 3 } };
    assertEquals(await Deno.readTextFile(path), `${JSON.stringify(expected, null, 2)}\n`);
    for (const broken of ["{", "[1]", "null"]) {
      await Deno.writeTextFile(path, broken);
      await assertRejects(
        () => writeMeasurements(path, "a", {}),
        SyntaxError,
        "as it is no JSON object: remove the file",
      );
      assertEquals(await Deno.readTextFile(path), broken);
    }
  } finally {
    await Deno.remove(path);
  }
});
