/**
 * The sha256 of a wheel's member as the wheel's own RECORD has it, hex; undefined where it lists none. A line of it is
 * `path,sha256=<urlsafe base64 without padding>,bytes`.
 *
 * Source: [Recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/).
 */
export function recordedHash(record: string, member: string): string | undefined {
  const prefix = `${member},sha256=`;
  const line = record.split(/\r?\n/).find((line) => line.startsWith(prefix));
  const base64 = line?.slice(prefix.length).split(",")[0].replaceAll("-", "+").replaceAll("_", "/");
  if (base64 === undefined) return undefined;
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
