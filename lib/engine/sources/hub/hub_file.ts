import { hubHosts, type SourceSettings } from "../settings.ts";
import { fetchOrExplain } from "./fetch_or_explain.ts";

/** The most redirects: a renamed repository makes one, a small file another; more are a loop. */
const MAX_REDIRECTS = 5;

/** A file on the hub, as its headers describe it. */
export interface HubFile {
  readonly path: string;
  /** The file's address on the hub, which may redirect to the bytes. */
  readonly url: string;
  /** Headers for `url`: the user's token, which `fetch` drops where a redirect leaves the hub. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly size: number;
  /** sha256 (64 hex digits) of large files, git's own hash (40) of others. */
  readonly etag: string;
  /** The file's commit, where the hub announces it. */
  readonly revision: string | undefined;
}

/**
 * Asks the hub about a file; undefined if the repository has no such file.
 *
 * The hub package's own `fileDownloadInfo` sends a GET of the first byte and throws messages of several lines. Mirrors
 * also support a HEAD, whose headers suffice.
 *
 * @throws {Error} in one line, with the fix, if there is no connection, or the hub refuses or answers otherwise
 */
export async function describeHubFile(
  repository: string,
  path: string,
  settings: SourceSettings,
  signal?: AbortSignal,
): Promise<HubFile | undefined> {
  const { endpoint, token } = settings;
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const url = `${endpoint}/${repository}/resolve/main/${path.split("/").map(encodeURIComponent).join("/")}`;
  const { response, revision } = await askHub(url, headers, hubHosts(settings), signal);
  const { status } = response;
  if (status === 404) return undefined;
  if (status === 401 || status === 403) {
    throw new Error(
      `Cannot fetch ${repository} as the hub answers ${status}: check the name, accept its terms there and set HF_TOKEN`,
    );
  }
  const size = Number(response.headers.get("x-linked-size") ?? response.headers.get("content-length") ?? NaN);
  const etag = plainEtag(response.headers.get("x-linked-etag") ?? response.headers.get("etag"));
  if (status >= 400 || !Number.isSafeInteger(size) || etag === undefined) {
    const type = response.headers.get("content-type") ?? "nothing";
    const fix = status === 429 || status >= 500 ? "try again later" : "check HF_ENDPOINT and the network";
    throw new Error(
      `Cannot fetch ${path} of ${repository} as ${endpoint} answers ${status} ${type} in place of the file: ${fix}`,
    );
  }
  return { path, url, headers, size, etag, revision };
}

/**
 * Sends a HEAD and follows redirects on the hub itself (for a renamed repository, or a small file's own address), whose
 * headers do not describe the file. It stops at a redirect that leaves the hub, whose headers do.
 */
async function askHub(
  url: string,
  headers: Readonly<Record<string, string>>,
  hosts: readonly string[],
  signal?: AbortSignal,
): Promise<{ response: Response; revision: string | undefined }> {
  let revision: string | undefined;
  for (let redirects = 0;; redirects++) {
    // Compression would change the length in the headers.
    const asked = { ...headers, "accept-encoding": "identity" };
    const response = await fetchOrExplain(url, { method: "HEAD", headers: asked, redirect: "manual", signal });
    await response.body?.cancel();
    revision ??= response.headers.get("x-repo-commit") ?? undefined;
    const location = response.headers.get("location");
    const described = response.headers.has("x-linked-etag");
    if (response.status < 300 || response.status >= 400 || location === null || described) {
      return { response, revision };
    }
    const target = new URL(location, url);
    if (!hosts.includes(target.host) || redirects >= MAX_REDIRECTS) return { response, revision };
    url = target.href;
  }
}

function plainEtag(header: string | null): string | undefined {
  const etag = header?.replace(/^W\//, "").replaceAll('"', "");
  return etag !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag) ? etag : undefined;
}
