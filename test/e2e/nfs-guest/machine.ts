import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"

// Both ends of an NFS mount in one kernel: the server in the first network namespace, the client in another, where this
// program and the daemon run, with a cable between them that can be cut.

const SERVER = "10.77.0.1"
const CLIENT = "10.77.0.2"
/** What the server exports. To write here is to write beside the client, as movers on other machines do. */
export const EXPORTED = "/srv/backups"

export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
}

function onServer(program: string, ...args: readonly string[]): string {
  return run("nsenter", "--net=/proc/1/ns/net", program, ...args)
}

/** The server's part, done once. */
export function startServer(): void {
  mkdirSync(EXPORTED, { recursive: true })
  writeFileSync("/etc/exports", `${EXPORTED} ${CLIENT}(rw,sync,no_subtree_check,no_root_squash)\n`)
  onServer("rpcbind", "-w")
  onServer("exportfs", "-ra")
  onServer("rpc.mountd")
  // The shortest grace period that the kernel allows: clients that reclaim nothing wait for it after each start.
  writeFileSync("/proc/fs/nfsd/nfsv4gracetime", "10")
  writeFileSync("/proc/fs/nfsd/nfsv4leasetime", "10")
  setServerThreads(4)
}

/** With 0 the server is gone: it refuses connections, and clients wait. */
export function setServerThreads(threads: number): void {
  onServer("rpc.nfsd", String(threads))
}

/** A cut cable loses what is sent, without a word to either side. */
export function setCable(state: "up" | "down"): void {
  onServer("ip", "link", "set", "server", state)
}

/** Mounts a folder of the export. */
export function mountNfs(folder: string, place: string, options: string): void {
  mkdirSync(place, { recursive: true })
  run("mount", "-t", "nfs", "-o", options, `${SERVER}:${EXPORTED}${folder}`, place)
}

export function unmount(place: string): void {
  run("umount", "-l", place)
}
