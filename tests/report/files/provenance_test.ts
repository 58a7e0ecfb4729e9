import { assertEquals } from "@std/assert";
import { provenanceLine } from "kvmirror/report";

Deno.test("provenanceLine names the command, the weights and their hash, and the seed", () => {
  const command = "deno task reproduce --model smollm2-135m";
  assertEquals(
    provenanceLine({ command, model: { name: "smollm2-135m", weights: "int4", hash: "ab12" }, seed: 42 }),
    "*Made by `deno task reproduce --model smollm2-135m`; model smollm2-135m, int4 weights, sha256 `ab12`; seed 42.*",
  );
  assertEquals(provenanceLine({ command, seed: 7 }), `*Made by \`${command}\`; no model; seed 7.*`);
});
