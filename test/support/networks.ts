import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { afterEach } from "vitest"
import { requireRoot } from "./mounts.js"

// Networks of their own beside this machine's, because a client is known by the address that it calls from, and because
// some clients refuse to call loopback.

const holders = new Set<ChildProcessWithoutNullStreams>()

afterEach(() => {
  // A network lasts as long as a process is in it.
  for (const holder of holders) holder.kill("SIGKILL")
  holders.clear()
})

export class Network {
  readonly #pid: number

  constructor(pid: number) {
    this.#pid = pid
  }

  /** Put before a command, it runs in this network. */
  get enter(): readonly [string, ...string[]] {
    return ["nsenter", `--net=/proc/${this.#pid}/ns/net`]
  }

  /**
   * A cable to another network, with an address such as 192.0.2.1/24 at each end.
   * @param here the address in this network
   * @param there the address in the other one
   */
  connect(here: string, other: Network, there: string): void {
    const name = `to${other.#pid}`
    const peer = `to${this.#pid}`
    this.#ip("link", "add", name, "type", "veth", "peer", "name", peer, "netns", String(other.#pid))
    this.#plug(name, here)
    other.#plug(peer, there)
  }

  #plug(name: string, address: string): void {
    this.#ip("address", "add", address, "dev", name)
    this.#ip("link", "set", name, "up")
  }

  #ip(...words: string[]): void {
    const [command, ...prefix] = this.enter
    execFileSync(command, [...prefix, "ip", ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    })
  }
}

/** A network without any cable, gone after the test. Needs root, `unshare`, and `ip`. */
export async function newNetwork(): Promise<Network> {
  requireRoot()
  const holder = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up && echo there && exec cat"])
  holders.add(holder)
  const [first] = (await Promise.race([
    once(holder.stdout, "data"),
    once(holder, "close").then(() => ["ended"]),
  ])) as [Buffer | string]
  if (holder.pid === undefined || first.toString().trim() !== "there")
    throw new Error("no network could be made: unshare --net did not come up")
  return new Network(holder.pid)
}
