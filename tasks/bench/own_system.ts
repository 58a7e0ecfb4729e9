/** Whether rows of the system are this project's: `kvmirror`, `kvmirror f32`. */
export function isOwn(system: string): boolean {
  return system === "kvmirror" || system.startsWith("kvmirror ");
}
