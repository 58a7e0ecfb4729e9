import { assertEquals } from "@std/assert";
import { runKills, SCENARIOS } from "./kills.ts";

Deno.test("tasks that are killed at any moment end as if nobody had: the same bytes, nothing left over", async () => {
  const kills = await runKills(SCENARIOS.length, 1);
  assertEquals(kills.filter(({ faults }) => faults.length > 0), []);
});
