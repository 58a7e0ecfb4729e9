import { assertEquals, assertThrows } from "@std/assert";
import { policyText } from "../../lib/policies/policy_text.ts";

Deno.test("a name, a policy in it and numbers are told apart, white space aside", () => {
  assertEquals(policyText("knorm"), { name: "knorm", options: {} });
  assertEquals(policyText("adakv(protect(knorm, sinks=1), safeguard=0.5)"), {
    name: "adakv",
    inner: "protect(knorm, sinks=1)",
    options: { safeguard: 0.5 },
  });
  assertEquals(policyText("snapkv( windowSize = 32 ,kernelSize=7)"), {
    name: "snapkv",
    options: { windowSize: 32, kernelSize: 7 },
  });
});

Deno.test("what is none of these is refused with the form it should have", () => {
  for (const text of ["", "a b", "a,b", "a(", "a)", "a()", "a(b,)", "a(b)c", "(b)", "a(b))(", "a=1"]) {
    assertThrows(() => policyText(text), SyntaxError, "write it like adakv(snapkv)", text);
  }
});
