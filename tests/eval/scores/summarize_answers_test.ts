import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type Answer, summarizeAnswers } from "kvmirror/eval";

function answers(policy: string, right: string, compression_ratio = 0.5): Answer[] {
  return [...right].map((mark, context) => ({
    context,
    policy,
    compression_ratio,
    timing: "agnostic",
    fact: 0,
    depth: 0,
    expected: "",
    text: "",
    right: mark === "+",
    live_bytes: 0,
  }));
}

Deno.test("an arm's score has Wilson's interval, and its difference is paired by context", () => {
  const [window, hybrid] = summarizeAnswers(
    [...answers("recent_window", "++++++++--"), ...answers("hybrid", "++++++++++").toReversed()],
    "recent_window",
  );
  assertEquals([window.policy, window.n, window.right, window.score], ["recent_window", 10, 8, 0.8]);
  assertAlmostEquals(window.ci_low, 0.49016, 1e-5);
  assertAlmostEquals(window.ci_high, 0.94332, 1e-5);
  assertEquals([window.difference, window.difference_low, window.difference_high], [0, 0, 0]);
  // Two of ten pairs differ by one: the mean of ten draws from them is binomial(10, 0.2) / 10.
  assertAlmostEquals(hybrid.difference!, 0.2);
  assertEquals([hybrid.difference_low, hybrid.difference_high], [0, 0.5]);
});

Deno.test("arms of other ratios are compared with the reference at their own", () => {
  const rows = summarizeAnswers([
    ...answers("recent_window", "++", 0.5),
    ...answers("recent_window", "--", 0.75),
    ...answers("hybrid", "++", 0.75),
  ], "recent_window");
  assertEquals(rows.map(({ policy, compression_ratio, difference }) => [policy, compression_ratio, difference]), [
    ["recent_window", 0.5, 0],
    ["recent_window", 0.75, 0],
    ["hybrid", 0.75, 1],
  ]);
});

Deno.test("an arm that the reference has no like of stands without a difference", () => {
  const [{ score, difference, difference_low, difference_high }] = summarizeAnswers(
    [...answers("keep_all", "++-", 0), ...answers("recent_window", "++-", 0.5)],
    "recent_window",
  );
  assertAlmostEquals(score, 2 / 3);
  assertEquals([difference, difference_low, difference_high], [null, null, null]);
});

Deno.test("an arm whose reference answered other contexts is refused", () => {
  assertThrows(
    () => summarizeAnswers([...answers("recent_window", "+"), ...answers("hybrid", "++")], "recent_window"),
    RangeError,
    "Cannot compare hybrid with recent_window at ratio 0.5 as context 1 has no answer of recent_window",
  );
});
