import { assertEquals, assertThrows } from "@std/assert";
import { cacheDtypeName, isFloat32, parseCacheDtype } from "kvmirror/engine";

Deno.test("a row format is read and named alike", () => {
  for (const name of ["f32", "f16", "int8", "int4:channel/int8", "f32/int4:channel"]) {
    assertEquals(cacheDtypeName(parseCacheDtype(name)), name);
  }
  assertEquals(cacheDtypeName(parseCacheDtype("int8/int8")), "int8");
  assertEquals([isFloat32(parseCacheDtype("f32")), isFloat32(parseCacheDtype("f32/f16"))], [true, false]);
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
  ) assertThrows(() => parseCacheDtype(text), SyntaxError, message);
  assertThrows(() => parseCacheDtype("int8", -1), RangeError, "Cannot keep the newest -1 rows");
  assertThrows(() => parseCacheDtype("int8", 0.5), RangeError, "Cannot keep the newest 0.5 rows");
});
