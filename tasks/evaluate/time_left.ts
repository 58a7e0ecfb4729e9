/**
 * The time that is left, in words, if what is to come takes as long as what was done.
 *
 * @param elapsed ms that `done` took
 */
export function timeLeft(elapsed: number, done: number, left: number): string {
  if (done === 0) return "";
  const seconds = Math.round((elapsed / done) * left / 1000);
  if (seconds < 90) return `${seconds} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min left` : `${(minutes / 60).toFixed(1)} h left`;
}
