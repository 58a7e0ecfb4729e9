import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { floorMs } from "../../../../tasks/bench/metrics/floor.ts";
import { profileSummary } from "../../../../tasks/bench/metrics/profile.ts";

const run = (ts: number, dur: number) => ({ cat: "Session", name: "model_run", ts, dur });
const node = (operator: string, ts: number, dur: number) => (
  { cat: "Node", name: `${operator}_1_kernel_time`, ts, dur, args: { op_name: operator } }
);

/** A prefill, which does not count, and two tokens; out of order, as threads write them. */
const PROFILE = JSON.stringify([
  { cat: "Session", name: "session_initialization", ts: 0, dur: 9000 },
  ...[node("MatMul", 10_100, 5000), run(10_000, 6000)],
  ...[node("MatMul", 20_100, 600), node("Add", 20_800, 100), node("Add", 20_950, 100), run(20_000, 2000)],
  ...[node("MatMul", 30_100, 1000), node("Add", 31_200, 100), node("Add", 31_350, 100), run(30_000, 2000)],
  // Holds the two additions, which are there by themselves.
  node("If", 31_190, 270),
]);

Deno.test("a profile's last runs are added up by operator; what is left of them is between operators", () => {
  const { runs, runMs, operatorsMs, betweenMs, operators } = profileSummary(PROFILE, 2);
  assertEquals([runs, runMs, operatorsMs, betweenMs], [2, 2, 1, 1]);
  assertEquals(operators, [
    { operator: "MatMul", count: 1, microseconds: 800, share: 0.8 },
    { operator: "Add", count: 2, microseconds: 200, share: 0.2 },
  ]);
});

Deno.test("what is no profile, or holds too few runs, is refused", () => {
  assertThrows(() => profileSummary(PROFILE, 4), RangeError, "Cannot summarise 4 runs of a profile as it holds 3");
  assertThrows(
    () => profileSummary(PROFILE.slice(0, -2), 1),
    SyntaxError,
    "Cannot read a profile as it is no JSON array",
  );
});

Deno.test("the floor is all weights and all rows, once", () => {
  assertAlmostEquals(floorMs({ bandwidth: 1e9, weightBytes: 1e6, tokenBytes: 1e3 }, 1000), 2);
});
