import { execFile } from "node:child_process"
import { chmodSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { type DaemonProcess, program } from "../support/daemon.js"
import { scratch } from "../support/fixtures.js"
import { ext4Image, mountImage, requireRoot } from "../support/mounts.js"

// What a person at the NAS has: commands, a shell, a disk.

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = "",
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    child.stdin?.end(input)
  })
}

/** A command of ours beside a daemon. */
export function cistern({ state }: DaemonProcess, ...args: readonly string[]): Promise<Ran> {
  return run(program, args, { PATH: process.env["PATH"], CISTERN_STATE: state, NO_COLOR: "1" })
}

/** Runs a line in a shell that has `cistern` on its PATH, as somebody would who pastes it. */
export function shell(line: string, { state }: DaemonProcess): Promise<Ran> {
  const bin = join(scratch(), "bin")
  mkdirSync(bin)
  symlinkSync(program, join(bin, "cistern"))
  const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, CISTERN_STATE: state, NO_COLOR: "1" }
  return run("sh", ["-c", line], env)
}

/** A store on an ext4 of its own, and the image that it lies in. */
export function mountedStore(megabytes = 32): { store: string; image: string } {
  requireRoot()
  const above = scratch()
  chmodSync(above, 0o755)
  const store = join(above, "tank")
  const image = ext4Image(megabytes)
  mountImage(image, store)
  return { store, image }
}
