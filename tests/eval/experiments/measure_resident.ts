/** Prints the resident bytes before 64 MB are held, while they are, and after. */
import { residentBytes } from "kvmirror/eval";

const size = 64 * 2 ** 20;
const before = residentBytes();
let held: Uint8Array | undefined = new Uint8Array(size).fill(1);
const during = residentBytes();
if (held[size - 1] !== 1) throw new Error("not held");
held = undefined;
console.log(JSON.stringify({ size, before, during, after: residentBytes() }));
