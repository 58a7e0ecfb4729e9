import type { SourceSettings } from "kvmirror/engine";
import { type HubServer, serveHub } from "../../hub_server.ts";

/** Runs with a made-up hub that serves `files` of `repository`, and with folders of its own, which are gone afterwards. */
export async function withHub(
  repository: string,
  files: Readonly<Record<string, Uint8Array>>,
  body: (hub: HubServer, settings: SourceSettings) => Promise<void>,
): Promise<void> {
  await using hub = serveHub(repository, files);
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-hub-" });
  try {
    await body(hub, {
      cache: `${folder}/ours`,
      hubCache: `${folder}/theirs`,
      endpoint: hub.endpoint,
      token: undefined,
      offline: false,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
