import { assertEquals, assertThrows } from "@std/assert";
import { splitNames } from "kvmirror/eval";

Deno.test("a list is split at commas outside parentheses, each name once", () => {
  assertEquals(splitNames("a"), ["a"]);
  assertEquals(splitNames(" adakv(snapkv) ,b,a(b(c,d),e),b"), ["adakv(snapkv)", "b", "a(b(c,d),e)"]);
});

Deno.test("parentheses without their other and empty names are refused in one line", () => {
  assertThrows(() => splitNames("adakv(,b"), SyntaxError, '"adakv(,b" as 1 parenthesis is not closed');
  assertThrows(() => splitNames("a,b)"), SyntaxError, "character 4 closes what nothing opens");
  for (const list of ["", "a,", ",a", "a,,b"]) assertThrows(() => splitNames(list), SyntaxError, "is empty");
});
