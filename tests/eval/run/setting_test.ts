import { assertEquals, assertThrows } from "@std/assert";
import { parseCacheDtype } from "kvmirror/engine";
import { parseSetting, settingName, splitNames } from "kvmirror/eval";
import { policy } from "kvmirror/policies";

const named = (policy: string, compression_ratio = 0.5) => ({ policy, compression_ratio });

Deno.test("a setting is read and named alike", () => {
  for (
    const name of [
      "cut_prompt",
      "snapkv",
      "cut_prompt in int8",
      "protect(adakv(knorm)) in int4:channel/int8",
      "keep_all in f32/int8 residual 7",
    ]
  ) assertEquals(settingName(parseSetting(named(name))), named(name));
  const setting = { policy: policy("tova"), compressionRatio: 0.25, cacheDtype: parseCacheDtype("f32", 9) };
  assertEquals(settingName(setting), named("tova", 0.25));
  assertEquals(parseSetting(named("tova in int8")).cacheDtype, parseCacheDtype("int8"));
});

Deno.test("what is no setting is refused in one line", () => {
  assertThrows(() => parseSetting(named("tova in int8 in int4")), SyntaxError, "names two cache dtypes");
  assertThrows(() => parseSetting(named("tova in int5")), SyntaxError, "int5 is none of");
  assertThrows(() => parseSetting(named("tovva in int8")), RangeError, "tovva");
  assertThrows(
    () => parseSetting(named("tova in int8 residual many")),
    SyntaxError,
    'its residual is "many", no number',
  );
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
