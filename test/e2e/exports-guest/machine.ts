import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { run } from "../nfs-guest/machine.js"

// A NAS with the kernel's NFS server, and a client of it at the other end of the cable.

const SERVER = "10.77.0.1"
export const CLIENTS = "10.77.0.0/24"

/** The server's part, done once: it runs, and exports nothing. */
export function startServer(): void {
  // As on every Debian that systemd started.
  symlinkSync("/proc/self/mounts", "/etc/mtab")
  writeFileSync("/etc/exports", "")
  run("rpcbind", "-w")
  run("exportfs", "-ra")
  run("rpc.mountd")
  writeFileSync("/proc/fs/nfsd/nfsv4gracetime", "10")
  writeFileSync("/proc/fs/nfsd/nfsv4leasetime", "10")
  run("rpc.nfsd", "4")
}

/** A new ext4 filesystem in a file. */
export function newDisk(name: string): string {
  const file = `/tmp/${name}.img`
  writeFileSync(file, "")
  truncateSync(file, 48 * 1024 * 1024)
  run("mkfs.ext4", "-q", "-O", "^has_journal", file)
  return file
}

export function mountDisk(disk: string, place: string): void {
  mkdirSync(place, { recursive: true })
  run("mount", "-o", "loop", disk, place)
}

/** As `client`. Gives what it wrote to standard output, or what it said when it failed. */
export function atClient(program: string, ...args: readonly string[]): { ok: boolean; said: string } {
  try {
    const words = ["--net=/run/netns/client", program, ...args]
    const said = execFileSync("nsenter", words, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 120_000,
    })
    return { ok: true, said }
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string }
    return { ok: false, said: (stderr ?? message).trim() }
  }
}

export function mountAtClient(path: string, place: string): { ok: boolean; said: string } {
  mkdirSync(place, { recursive: true })
  return atClient("mount", "-t", "nfs", "-o", "soft,timeo=100,nfsvers=4.2", `${SERVER}:${path}`, place)
}

/** What the kernel's server exports, without the options. */
export function served(): string[] {
  return readFileSync("/var/lib/nfs/etab", "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("(")[0]?.replace("\t", " ") ?? "")
    .sort()
}

export interface Writer {
  /** Writes that reached the server's disk, and those that did not, with the moments (ms of `performance.now()`). */
  readonly good: readonly number[]
  readonly bad: readonly { readonly at: number; readonly why: string }[]
  stop(): void
}

/** Writes into one open file and into new ones, over and over, each to the server's disk. */
export function writeAll(place: string): Writer {
  const good: number[] = []
  const bad: { at: number; why: string }[] = []
  const script = `import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from "node:fs"
    const held = openSync(process.argv[1] + "/held", "w")
    for (let at = 0; ; at++) {
      let why = "good"
      try {
        writeSync(held, "x"); fsyncSync(held)
        writeFileSync(process.argv[1] + "/file-" + (at % 50), "y", { flush: true })
      } catch (error) { why = error.code ?? String(error) }
      console.log(why)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }`
  const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", script, place], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  child.stdout?.setEncoding("utf8")
  child.stdout?.on("data", (lines: string) => {
    for (const why of lines.trim().split("\n")) {
      const at = performance.now()
      if (why === "good") good.push(at)
      else bad.push({ at, why })
    }
  })
  return {
    good,
    bad,
    stop() {
      child.kill("SIGKILL")
    },
  }
}
