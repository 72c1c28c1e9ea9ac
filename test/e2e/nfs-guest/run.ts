import { execFile, execFileSync } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { requireRoot } from "../../support/mounts.js"
import { type Finding, MARK } from "./report.js"
import { guestTree } from "./tree.js"

const scripts = join(import.meta.dirname, "../../../scripts/nfs-guest")
/** For the guest's making, which is done once. */
const BUILD_LIMIT_S = 240
const RUN_LIMIT_S = 560

/** A hook that runs a guest may take so long: it waits for those that run already. */
export const GUEST_LIMIT_MS = (BUILD_LIMIT_S + 3 * RUN_LIMIT_S + 60) * 1000

/** Runs the scenarios of a folder beside this one in the guest. Throws its console when they do not come to their end. */
export function runGuest(scenarios: string, end: "server" | "client"): Promise<readonly Finding[]> {
  requireRoot()
  return findingsOf(guestTree(scenarios, end), RUN_LIMIT_S)
}

/** Runs a tree in the guest and gives what its program reported, up to the finding "end". */
export async function findingsOf(tree: string, limitSeconds: number): Promise<readonly Finding[]> {
  requireRoot()
  const make = { encoding: "utf8", timeout: BUILD_LIMIT_S * 1000 } as const
  const guest = execFileSync(join(scripts, "make"), make).trim()
  const run = promisify(execFile)(join(scripts, "run"), [guest, tree, String(limitSeconds)])
  // One that ran past its limit has said something, too.
  const { stdout } = await run.catch((failed: unknown) => failed as { stdout: string })
  const findings = findingsIn(stdout)
  if (findings.at(-1)?.scenario !== "end")
    throw new Error(`the guest did not come to its end:\n${stdout.slice(-8000)}`)
  return findings
}

/** The only finding of a scenario. */
export function only(findings: readonly Finding[], scenario: string): Finding {
  const [finding, ...more] = findings.filter((candidate) => candidate.scenario === scenario)
  if (finding === undefined || more.length > 0)
    throw new Error(`not exactly one finding is called "${scenario}"`)
  return finding
}

function findingsIn(console: string): Finding[] {
  return console
    .split("\n")
    .map((line) => line.split(MARK, 2)[1])
    .flatMap((finding) => (finding === undefined ? [] : [JSON.parse(finding) as Finding]))
}
