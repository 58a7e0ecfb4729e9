import { assertEquals, assertThrows } from "@std/assert";
import { isFloatRows, rowFormat, rowFormatName } from "kvmirror/engine";

Deno.test("a row format is read and named alike", () => {
  for (const name of ["f32", "f16", "int8", "int4:channel/int8", "f32/int4:channel"]) {
    assertEquals(rowFormatName(rowFormat(name)), name);
  }
  assertEquals(rowFormatName(rowFormat("int8/int8")), "int8");
  assertEquals([isFloatRows(rowFormat("f32")), isFloatRows(rowFormat("f32/f16"))], [true, false]);
});

Deno.test("what is no row format is refused with what one looks like", () => {
  for (
    const [text, message] of [
      ["int3", "int3 is none of f32, f16, int8, int4"],
      ["", " is none of"],
      ["int8/int8/int8", "more than two parts"],
      ["int8:token", "token is neither row nor channel"],
      ["f16:channel", "f16 has no scales to share"],
    ]
  ) assertThrows(() => rowFormat(text), SyntaxError, message);
  assertThrows(() => rowFormat("int8", -1), RangeError, "Cannot keep the newest -1 rows");
  assertThrows(() => rowFormat("int8", 0.5), RangeError, "Cannot keep the newest 0.5 rows");
});
