import { cacheFolder, type Machine, thisMachine } from "../../files/cache_folder.ts";

const DEFAULT_ENDPOINT = "https://huggingface.co";

/** Where models are looked for and fetched from, by the user's environment. */
export interface SourceSettings {
  /** Our own cache of fetched files. */
  readonly cache: string;
  /** Hugging Face's own cache: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` among the user's caches. */
  readonly hubCache: string | undefined;
  /** The hub's address: `HF_ENDPOINT`, or the public one. */
  readonly endpoint: string;
  /** `HF_TOKEN`, sent to the hub. */
  readonly token: string | undefined;
  /** `HF_HUB_OFFLINE`: no request goes to the hub. pip has its own switch. */
  readonly offline: boolean;
}

/**
 * Reads the settings from the environment.
 *
 * @throws {RangeError} if `HF_ENDPOINT` is no address, `HF_TOKEN` can be no header, or no variable names a folder for a
 * cache
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
    token: checkedToken(set("HF_TOKEN")),
    offline: /^(1|on|yes|true)$/i.test(set("HF_HUB_OFFLINE") ?? ""),
  };
}

/** A token goes into a header, which takes what can be seen of ASCII: a line break comes with copying. */
function checkedToken(token: string | undefined): string | undefined {
  const wrong = token?.search(/[^\x21-\x7e]/) ?? -1;
  if (wrong < 0) return token;
  throw new RangeError(
    `Cannot send HF_TOKEN to the hub as its character ${wrong + 1} of ${
      token!.length
    } is a space, a line break or no ` +
      "ASCII: set it to the token alone",
  );
}

/** The hosts of the hub itself: a token may go to them, and their redirects are followed to a file's headers. */
export function hubHosts({ endpoint }: SourceSettings): string[] {
  return [endpoint, DEFAULT_ENDPOINT].map((address) => new URL(address).host);
}

/** The progress of a download. */
export interface DownloadProgress {
  /** The file that is being fetched. */
  readonly file: string;
  /** Bytes fetched so far. */
  readonly received: number;
  /** Bytes in all, where the server announces them. */
  readonly total: number | undefined;
}

/** Options of every function that may fetch. */
export interface FetchOptions {
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Called with a sentence when a model is fetched: from where, how large it is, and what its license is. */
  readonly onNotice?: (notice: string) => void;
  /** Ends the download; what has come is kept for the next try. */
  readonly signal?: AbortSignal;
  /** Where to look and fetch; by default by the environment. */
  readonly settings?: SourceSettings;
}
