/**
 * Whether a command is on this machine; if not, says so, as tests that need it are ignored.
 *
 * @param call the command and arguments with which it succeeds: `["python3", "-m", "pip", "--version"]`
 */
export async function hasCommand([command, ...args]: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" })
      .output();
    if (success) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.warn(`tests with ${[command, ...args].join(" ")} are skipped: it does not run on this machine`);
  return false;
}
