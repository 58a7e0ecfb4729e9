const DEFAULT_ENDPOINT = "https://huggingface.co";

/** A file on the hub, as its headers describe it. */
export interface HubFile {
  readonly path: string;
  /** Where its bytes are; for large files, not on the hub itself. */
  readonly url: string;
  /** Sent along to `url`: the user's token, where the bytes are on the hub itself. */
  readonly headers: Readonly<Record<string, string>>;
  readonly size: number;
  /** sha256 (64 hex digits) of large files, git's own hash (40) of others. */
  readonly etag: string;
  readonly revision: string;
}

/** The hub that is asked: `HF_ENDPOINT`, or the public one. */
export function hubEndpoint(): string {
  return (Deno.env.get("HF_ENDPOINT") || DEFAULT_ENDPOINT).replace(/\/+$/, "");
}

/** Whether the user asked to stay offline (`HF_HUB_OFFLINE`). */
export function isOffline(): boolean {
  return /^(1|on|yes|true)$/i.test(Deno.env.get("HF_HUB_OFFLINE") ?? "");
}

/**
 * Asks the hub about a file; undefined if the repository has no such file.
 *
 * @throws {Error} in one line, with the fix, if the hub cannot be reached, refuses, or answers with something else
 */
export async function describeHubFile(
  repository: string,
  path: string,
  signal?: AbortSignal,
): Promise<HubFile | undefined> {
  const endpoint = hubEndpoint();
  const token = Deno.env.get("HF_TOKEN");
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const url = `${endpoint}/${repository}/resolve/main/${path}`;
  const response = await reach(url, { method: "HEAD", headers, redirect: "manual", signal });
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  if (response.status === 401 || response.status === 403) {
    throw new Error(
      `Cannot fetch ${repository} as the hub answers ${response.status}: accept its terms there and set HF_TOKEN`,
    );
  }
  const header = (...names: string[]) =>
    names.map((name) => response.headers.get(name)).find((value) => value !== null);
  const redirected = response.status >= 300 && response.status < 400;
  const location = new URL(response.headers.get("location") ?? url, url).href;
  const size = Number(header("x-linked-size", "content-length"));
  const etag = header("x-linked-etag", "etag")?.replace(/^W\//, "").replaceAll('"', "");
  if (
    !(response.ok || redirected) || !Number.isSafeInteger(size) || !etag || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)
  ) {
    throw new Error(
      `Cannot fetch ${path} of ${repository} as ${endpoint} answers ${response.status} ` +
        `${header("content-type") ?? "nothing"} in place of the file: check HF_ENDPOINT and the network`,
    );
  }
  const here = new URL(location).host === new URL(endpoint).host;
  return { path, url: location, headers: here ? headers : {}, size, etag, revision: header("x-repo-commit") ?? "main" };
}

/**
 * `fetch`, whose failures are one line that names the fix.
 *
 * @throws {Error} if the server cannot be reached, or Deno's permissions do not cover it
 */
export async function reach(url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const { host } = new URL(url);
    if (error instanceof Deno.errors.NotCapable) {
      throw new Error(`Cannot reach ${host} as deno.json does not allow it: add it to "net" of permissions.engine`);
    }
    throw new Error(`Cannot reach ${host}: check the network, or put the model's folder in place of its name`);
  }
}
