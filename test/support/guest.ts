import { execFile, execFileSync } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { type Finding, MARK } from "../e2e/nfs-guest/report.js"
import { requireRoot } from "./mounts.js"

const scripts = join(import.meta.dirname, "../../scripts/nfs-guest")

/** For the guest's making, which is done once. */
export const BUILD_LIMIT_S = 240

/** Runs a tree in the virtual machine of scripts/nfs-guest and gives what its program reported, up to the finding "end". */
export async function findingsOf(tree: string, limitSeconds: number): Promise<readonly Finding[]> {
  requireRoot()
  const make = { encoding: "utf8", timeout: BUILD_LIMIT_S * 1000 } as const
  const guest = execFileSync(join(scripts, "make"), make).trim()
  const run = promisify(execFile)(join(scripts, "run"), [guest, tree, String(limitSeconds)])
  // One that ran past its limit has said something, too.
  const { stdout } = await run.catch((failed: unknown) => failed as { stdout: string })
  const findings = stdout
    .split("\n")
    .filter((line) => line.startsWith(MARK))
    .map((line) => JSON.parse(line.slice(MARK.length)) as Finding)
  if (findings.at(-1)?.scenario !== "end")
    throw new Error(`the guest did not come to its end:\n${stdout.slice(-8000)}`)
  return findings
}
