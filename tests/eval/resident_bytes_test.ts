import { assert } from "@std/assert";
import { residentBytes } from "kvmirror/eval";

Deno.test("residentBytes sees 64 MB come, and go once nothing holds them", () => {
  const size = 64 * 2 ** 20;
  const before = residentBytes();
  let held: Uint8Array | undefined = new Uint8Array(size).fill(1);
  const during = residentBytes();
  assert(held[size - 1] === 1);
  held = undefined;
  const after = residentBytes();
  console.log(`resident bytes: ${before} before, ${during} with ${size} more, ${after} after`);
  // Half of it leaves room for whatever else the process does meanwhile.
  assert(during - before > size / 2);
  assert(during - after > size / 2);
});
