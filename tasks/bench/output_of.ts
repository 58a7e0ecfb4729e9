import { PeerUnavailable } from "./peer_unavailable.ts";

/**
 * Runs a program of the user's to its end.
 *
 * @throws {PeerUnavailable} if there is none of that name
 */
export async function outputOf(command: string, options: Deno.CommandOptions): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(command, { stdin: "null", ...options }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new PeerUnavailable(`${command} is not on this machine`);
  }
}
