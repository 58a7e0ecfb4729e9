import { assert, assertEquals } from "@std/assert";

// The long one is `deno task soak`. In a process of its own: other tests share this one's memory.
Deno.test("resident memory does not grow with tokens or with caches: a short soak", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "-P=test", "soak.ts"],
      ...["--tokens", "8000", "--cycles", "120", "--json"],
    ],
    cwd: new URL(".", import.meta.url),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const parts = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(parts.map(({ done }: { done: number }) => done), [8000, 120]);
  for (const { part, done, slope, standard_error, first_resident_bytes, last_resident_bytes } of parts) {
    const ratio = last_resident_bytes / first_resident_bytes;
    console.error(
      `  ${part}: ${slope.toFixed(0)} ± ${standard_error.toFixed(0)} bytes each, ratio ${ratio.toFixed(3)}`,
    );
    // All rows of these tokens would be 20 MB, all forks 100 MB and more: a tenth of what the process holds, and several times that.
    assert(ratio < 1.1, `${part}: ${first_resident_bytes} bytes became ${last_resident_bytes}`);
    const risen = Math.max(0, slope - 3 * standard_error) * done;
    assert(risen < 0.1 * first_resident_bytes, `${part}: ${slope} ± ${standard_error} bytes each`);
  }
});
