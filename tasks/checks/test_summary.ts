/** How many tests there were, by how they ended; a step is part of its test. */
export interface TestSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const CASE = /<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;
/** Between a test's name and its step's, as the report writes it. */
const STEP = " &gt; ";

/**
 * Counts the tests in Deno's JUnit report. A run that failed without a failed test (a file that does not compile or
 * load) counts as one failure, so that it never looks like a success.
 *
 * @param success whether the test runner ended with exit 0
 */
export function summarizeTests(junit: string, success: boolean): TestSummary {
  const cases = [...junit.matchAll(CASE)].map(([, name, result = ""]) => ({ name, result }));
  const names = new Set(cases.map(({ name }) => name));
  // The report lists a step under the file that runs it, which may be a helper's and not its test's.
  const tests = cases.filter(({ name }) => !parents(name).some((parent) => names.has(parent)));
  const failed = tests.filter(({ result }) => /<(failure|error)\b/.test(result)).length;
  const skipped = tests.filter(({ result }) => /<skipped\b/.test(result)).length;
  return { passed: tests.length - failed - skipped, failed: success || failed > 0 ? failed : 1, skipped };
}

/** The tests that a name would be a step of, as a test's own name may hold the sign as well. */
function parents(name: string): string[] {
  const parts = name.split(STEP);
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join(STEP));
}

/** `N passed, N failed`, and `, N skipped` where any were. */
export function summaryLine({ passed, failed, skipped }: TestSummary): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
