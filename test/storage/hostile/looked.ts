import { execFile, execFileSync } from "node:child_process"
import { join } from "node:path"
import { expect } from "vitest"
import { compiled } from "../../support/compiled.js"
import { scratch } from "../../support/fixtures.js"

export const PASSWORD = "hostile"

export interface Looked {
  /** By what was done: what came of it. */
  readonly answers: Readonly<Record<string, string>>
  /** MB. */
  readonly peak: number
}

/** MB. A process that reads a small repository has about half of it. */
export const SMALL = 350

/** Nothing that needs what is damaged says that all is well. `deep`: only reading it shows the damage. */
export function expectDamage({ answers, peak }: Looked, code: RegExp, deep = false): void {
  const verdicts = deep
    ? { read: answers["read"] }
    : { reachable: answers["reachable"], read: answers["read"] }
  for (const [what, said] of Object.entries(verdicts)) expect(`${what} ${said}`).toMatch(code)
  expect(answers["archive"]).not.toBe("whole")
  expect(answers["restore"]).not.toBe("whole")
  expect(peak).toBeLessThan(SMALL)
}

/** No machine that Cistern is meant for has less to spare. */
const HEAP_MB = 400
const LONGEST_MS = 120_000
let program: string | undefined

/** Does all that Cistern does with a repository in a process of its own, with little memory and little time. */
export function looked(directory: string): Promise<Looked> {
  program ??= join(compiled("storage", "test/storage/hostile"), "test/storage/hostile/look.js")
  const target = scratch()
  const words = [`--max-old-space-size=${HEAP_MB}`, program, directory, target]
  const options = { timeout: LONGEST_MS, env: { ...process.env, HOSTILE_PASSWORD: PASSWORD } }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, options, (error, stdout, stderr) => {
      // Node's own way of removing knows no path that is longer than the kernel takes.
      execFileSync("rm", ["-rf", join(target, "restored")])
      if (error === null) resolve(JSON.parse(stdout) as Looked)
      else reject(new Error(`${error.killed === true ? "it hangs" : "it crashed"}: ${stderr.slice(-2000)}`))
    })
  })
}
