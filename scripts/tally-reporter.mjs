import { writeFileSync } from "node:fs"

/** A vitest reporter that leaves the counts, and the names of what was skipped, in the file CISTERN_TEST_TALLY. */
export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: [] }
    for (const module of modules) {
      // A file that cannot be loaded has no tests that could fail, so it counts as one failure itself.
      tally.failed += module.errors().length
      for (const suite of module.children.allSuites()) tally.failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === "passed") tally.passed++
        else if (state === "skipped") tally.skipped.push(`${module.relativeModuleId} > ${test.fullName}`)
        else tally.failed++
      }
    }
    writeFileSync(process.env.CISTERN_TEST_TALLY, JSON.stringify(tally))
  }
}
