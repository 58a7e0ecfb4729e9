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

/** A peer that cannot be had here: a notice and no row, never a failure. */
export class PeerUnavailable extends Error {}
