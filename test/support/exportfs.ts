import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { scratch } from "./fixtures.js"
import { requireRoot } from "./mounts.js"

export interface Exportfs {
  readonly exitCode: number | null
  readonly stderr: string
  /** What exportfs decided: the table that the kernel's server is answered from. */
  readonly etab: string
}

/**
 * Has the real exportfs load a table, in mounts of its own: the machine's exports are neither read nor changed. It needs no
 * running server.
 */
export function exportfs(table: string): Exportfs {
  requireRoot()
  const root = scratch()
  const state = join(root, "nfs")
  mkdirSync(state)
  writeFileSync(join(root, "exports"), table)
  writeFileSync(join(state, "etab"), "")
  const script = `set -e
    mount --bind "$1/exports" /etc/exports
    mount --bind "$1/nfs" /var/lib/nfs
    exec exportfs -ra`
  const { status, stderr } = spawnSync(
    "unshare",
    ["--mount", "--propagation", "private", "sh", "-c", script, "sh", root],
    { encoding: "utf8", timeout: 30_000, env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } },
  )
  return { exitCode: status, stderr, etab: readFileSync(join(state, "etab"), "utf8") }
}
