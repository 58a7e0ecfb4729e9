import { fileURLToPath } from "node:url";
import { assert } from "@std/assert";

Deno.test("residentBytes sees 64 MB come, and go once nothing holds them", async () => {
  // In a process of its own: other tests share this one's memory.
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", fileURLToPath(new URL("measure_resident.ts", import.meta.url))],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { size, before, during, after } = JSON.parse(new TextDecoder().decode(stdout));
  console.log(`resident bytes: ${before} before, ${during} with ${size} more, ${after} after`);
  assert(during - before > size / 2);
  assert(during - after > size / 2);
});
