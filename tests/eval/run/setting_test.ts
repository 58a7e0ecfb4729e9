import { assertEquals, assertThrows } from "@std/assert";
import { parseCacheDtype } from "kvmirror/engine";
import { parseSetting, settingName, splitNames } from "kvmirror/eval";
import { policy } from "kvmirror/policies";

Deno.test("an arm is read and named alike", () => {
  for (
    const name of [
      "cut_prompt",
      "snapkv",
      "cut_prompt in int8",
      "protect(adakv(knorm)) in int4:channel/int8",
      "keep_all in f32/int8 window 7",
    ]
  ) assertEquals(settingName(parseSetting(name)), name);
  assertEquals(settingName({ policy: policy("tova"), cacheDtype: parseCacheDtype("f32", 9) }), "tova");
  assertEquals(parseSetting("tova in int8").cacheDtype, parseCacheDtype("int8"));
});

Deno.test("what is no arm is refused in one line", () => {
  assertThrows(() => parseSetting("tova in int8 in int4"), SyntaxError, "names two row formats");
  assertThrows(() => parseSetting("tova in int5"), SyntaxError, "int5 is none of");
  assertThrows(() => parseSetting("tovva in int8"), RangeError, "tovva");
  assertThrows(() => parseSetting("tova in int8 window many"), RangeError, "newest NaN rows");
});

Deno.test("a list is split at commas outside parentheses, each name once", () => {
  assertEquals(splitNames("a"), ["a"]);
  assertEquals(splitNames(" adakv(snapkv) ,b,a(b(c,d),e),b"), ["adakv(snapkv)", "b", "a(b(c,d),e)"]);
});

Deno.test("parentheses without their other and empty names are refused in one line", () => {
  assertThrows(() => splitNames("adakv(,b"), SyntaxError, '"adakv(,b" as 1 parenthesis is not closed');
  assertThrows(() => splitNames("a,b)"), SyntaxError, "character 4 closes what nothing opens");
  for (const list of ["", "a,", ",a", "a,,b"]) assertThrows(() => splitNames(list), SyntaxError, "is empty");
});
