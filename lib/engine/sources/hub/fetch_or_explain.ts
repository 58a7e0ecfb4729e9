/** No connection to a server: the network is down, the name is unknown, or the connection was refused. */
export class NetworkError extends Error {}

/**
 * `fetch`, whose failures are one line that names the fix.
 *
 * @throws {NetworkError} if there is no connection to the server
 * @throws {Error} if Deno's permissions do not cover it
 */
export async function fetchOrExplain(url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (error instanceof Deno.errors.NotCapable) {
      // A redirect may have led elsewhere: the permission that is missing names the host.
      const host = error.message.match(/access to "([^"]+)"/)?.[1].replace(/:(80|443)$/, "") ?? new URL(url).host;
      throw new Error(
        `Cannot reach ${host} as deno.json does not allow it: add "${host}" to "net" of the task's set in "permissions"`,
      );
    }
    throw new NetworkError(
      `Cannot reach ${new URL(url).host}: check the network, or give the path of a model on disk`,
    );
  }
}
