import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Readable } from "node:stream"

const program = join(import.meta.dirname, "../../../dist/cistern.js")

/**
 * The daemon as the first process of its PID namespace, as in a container, once it listens. The kernel spares such a process
 * the signals that it sends itself.
 */
export async function startContainer(
  environment: Readonly<Record<string, string>>,
): Promise<{ stop(): Promise<{ milliseconds: number; exitCode: number | null }> }> {
  const command = ["--pid", "--fork", process.execPath, program, "serve", "--ready-fd", "3"]
  const child = spawn("unshare", command, {
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  })
  await once(child.stdio[3] as Readable, "data")
  const inside = Number(readFileSync(`/proc/${String(child.pid)}/task/${String(child.pid)}/children`, "utf8"))
  return {
    async stop() {
      const asked = performance.now()
      const ended = once(child, "exit")
      process.kill(inside, "SIGTERM")
      const [exitCode] = (await ended) as [number | null]
      return { milliseconds: Math.round(performance.now() - asked), exitCode }
    },
  }
}
