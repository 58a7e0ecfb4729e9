import { cacheFolder, type Machine, thisMachine } from "../../files/cache_folder.ts";

const DEFAULT_ENDPOINT = "https://huggingface.co";

/** Where models are looked for and fetched from: what the user's environment says. */
export interface SourceSettings {
  /** Where what we fetch is kept. */
  readonly cache: string;
  /** Hugging Face's own cache: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` among the user's caches. */
  readonly hubCache: string | undefined;
  /** The hub that is asked: `HF_ENDPOINT`, or the public one. */
  readonly endpoint: string;
  /** Sent to the hub: `HF_TOKEN`. */
  readonly token: string | undefined;
  /** The user asked to leave the hub alone: `HF_HUB_OFFLINE`. pip has a switch of its own. */
  readonly offline: boolean;
}

/**
 * Reads the settings from the environment.
 *
 * @throws {RangeError} if `HF_ENDPOINT` is no address, or there is no place for a cache
 */
export function sourceSettings(machine: Machine = thisMachine()): SourceSettings {
  const set = (name: string) => machine.variable(name) || undefined; // an empty variable counts as unset
  const endpoint = (set("HF_ENDPOINT") ?? DEFAULT_ENDPOINT).replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new RangeError(`Cannot reach the hub as HF_ENDPOINT is ${endpoint}: it must be like ${DEFAULT_ENDPOINT}`);
  }
  const home = set("HOME") ?? set("USERPROFILE");
  const caches = set("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
  const huggingFace = set("HF_HOME") ?? (caches && `${caches}/huggingface`);
  return {
    cache: cacheFolder(machine),
    hubCache: set("HF_HUB_CACHE") ?? (huggingFace && `${huggingFace}/hub`),
    endpoint,
    token: set("HF_TOKEN"),
    offline: /^(1|on|yes|true)$/i.test(set("HF_HUB_OFFLINE") ?? ""),
  };
}

/** The hosts that are the hub itself: a token may go to them, and their redirects are followed for a file's facts. */
export function hubHosts({ endpoint }: SourceSettings): string[] {
  return [endpoint, DEFAULT_ENDPOINT].map((address) => new URL(address).host);
}

/** How far a download is. */
export interface DownloadProgress {
  /** What is being fetched. */
  readonly file: string;
  /** Bytes that are here. */
  readonly received: number;
  /** Bytes in all, where the server says. */
  readonly total: number | undefined;
}

/** Options of everything that may fetch. */
export interface FetchOptions {
  /** Called as bytes come in. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends the download; what has come is kept for the next try. */
  readonly signal?: AbortSignal;
  /** Where to look and fetch; by default what the environment says. */
  readonly settings?: SourceSettings;
}
