// The second half of scripts/test: everything is installed; run the checks, the build and vitest, and count.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const started = process.hrtime.bigint()
const options = process.argv.slice(2).filter((argument) => argument.startsWith("-"))
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith("-"))
const unknown = options.find((option) => option !== "--all")
if (unknown !== undefined) {
  console.error(`unknown option ${unknown}; usage: ./scripts/test [--all] [PATH...]`)
  console.log("0 passed, 1 failed")
  process.exit(2)
}

let passed = 0
const failures = []

/** Runs one step and counts it. Its output is shown as it comes. */
function step(name, command, args) {
  console.log(`\n== ${name}`)
  const { status, signal, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] })
  if (status === 0) passed++
  else failures.push(`${name} (${error?.message ?? signal ?? `exit code ${String(status)}`})`)
}

/** Runs vitest and reads the counts that its reporter left behind. */
function vitest() {
  const scratch = mkdtempSync(join(tmpdir(), "cistern-tally-"))
  const tallyFile = join(scratch, "tally.json")
  const everything = options.includes("--all") || paths.length > 0
  console.log("\n== tests")
  const { status } = spawnSync(
    process.execPath,
    [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--reporter=default",
      "--reporter=./scripts/tally-reporter.mjs",
      ...paths,
    ],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, CISTERN_TEST_TALLY: tallyFile, ...(everything && { CISTERN_TEST_ALL: "1" }) },
    },
  )
  try {
    const tally = JSON.parse(readFileSync(tallyFile, "utf8"))
    if (status !== 0 && tally.failed === 0) tally.failed = 1
    return tally
  } catch {
    return { passed: 0, failed: 1, skipped: [] }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

if (paths.length === 0) {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"))
  for (const name of Object.keys(scripts).filter((script) => script.startsWith("check:"))) {
    step(name, "npm", ["run", "--silent", name])
  }
}
step("build", process.execPath, ["scripts/build.mjs"])
const tests = vitest()

if (tests.passed + tests.failed === 0) failures.push("no test ran")
const failed = failures.length + tests.failed
for (const failure of failures) console.log(`FAILED ${failure}`)
if (tests.skipped.length > 0) {
  console.log("Skipped, because something that they need is not here:")
  for (const name of tests.skipped) console.log(`  ${name}`)
}
console.log(`(${Number((process.hrtime.bigint() - started) / 1_000_000_000n)} s)`)
console.log(
  `${passed + tests.passed} passed, ${failed} failed` +
    (tests.skipped.length > 0 ? `, ${tests.skipped.length} skipped` : ""),
)
process.exit(failed === 0 ? 0 : 1)
