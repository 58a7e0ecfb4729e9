import { placeLabel } from "../known_models.ts";
import { type FetchOptions, sourceSettings } from "../settings.ts";
import { fetchOrExplain } from "./fetch_or_explain.ts";
import { describeHubFile } from "./hub_file.ts";

const CONFIG = "config.json";
/** Bytes of a config.json: the longest known have some 20 KB. */
const MAX_CONFIG_BYTES = 1 << 20;

/**
 * Fetches a repository's config.json and nothing else; it is not kept.
 *
 * @param repository `owner/name`
 * @returns its bytes
 * @throws {Error} in one line, with the fix, if the hub cannot serve it or the user asked to stay offline
 */
export async function fetchConfig(repository: string, options: FetchOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { settings = sourceSettings(), signal } = options;
  const label = placeLabel({ repository, file: CONFIG });
  if (settings.offline) {
    throw new Error(`Cannot fetch ${label} as HF_HUB_OFFLINE is set: unset it, or give the path of a config.json`);
  }
  const file = await describeHubFile(repository, CONFIG, settings, signal);
  if (file === undefined) {
    throw new Error(
      `Cannot fetch ${label} as the hub has no such file: check the name, set HF_TOKEN, or name the repository that a ` +
        "GGUF was converted from",
    );
  }
  if (file.size > MAX_CONFIG_BYTES) {
    throw new Error(
      `Cannot use ${label} as it has ${file.size} bytes: a configuration has at most ${MAX_CONFIG_BYTES}`,
    );
  }
  const response = await fetchOrExplain(file.url, { headers: file.headers, signal });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.ok && bytes.length === file.size) return bytes;
  throw new Error(
    `Cannot fetch ${label} as ${settings.endpoint} answers ${response.status} with ${bytes.length} bytes of ` +
      `${file.size}: try again later`,
  );
}
