import { execFileSync } from "node:child_process"
import { chownSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { scratch } from "./fixtures.js"
import { GaneshaMachine } from "./ganesha.js"
import type { MountNamespace } from "./mount-namespace.js"
import { ext4Image, patiently } from "./mounts.js"
import { until } from "./until.js"

/** As whom the movers write. */
export const MOVERS = { uid: 568, gid: 568 }

/** A machine with NFS-Ganesha, and disks that come and go where the server and the daemon see them. */
export class GaneshaNas {
  readonly machine: GaneshaMachine
  readonly #namespace: MountNamespace

  private constructor(machine: GaneshaMachine, namespace: MountNamespace) {
    this.machine = machine
    this.#namespace = namespace
  }

  static async start(): Promise<GaneshaNas> {
    const { machine, namespace } = await GaneshaMachine.whole()
    return new GaneshaNas(machine, namespace)
  }

  /** The command that runs another one on this machine. */
  get within(): readonly [string, ...string[]] {
    return this.#namespace.within
  }

  /** A new mount point, with directories in it that movers could write to while nothing is mounted there. */
  mountPoint(...directories: readonly string[]): string {
    const place = join(scratch(), "disk")
    mkdirSync(place)
    for (const directory of directories) writable(join(place, directory))
    return place
  }

  /** A new disk, mounted, with a directory in it for the movers. */
  disk(place: string, directory: string): string {
    const image = ext4Image(64)
    this.mount(image, place)
    writable(this.seen(join(place, directory)))
    return image
  }

  mount(image: string, place: string): void {
    patiently(() => {
      this.#namespace.run("mount", "-o", "loop", image, place)
    })
  }

  unmount(place: string, ...options: readonly string[]): void {
    this.#namespace.run("umount", ...options, place)
  }

  /** Where a test finds what the machine sees at a path. */
  seen(path: string): string {
    return this.#namespace.path(path)
  }

  /** What is under a mount, and when it was changed last. */
  under(place: string): Readonly<Record<string, number>> {
    // The test itself does not see what the machine mounts.
    const found = ["", ...readdirSync(place, { recursive: true, encoding: "utf8" })]
    return Object.fromEntries(found.map((path) => [path, statSync(join(place, path)).mtimeMs]))
  }

  /** Waits until nobody has the filesystem of an image open any more, its mount gone or not. */
  async letGo(image: string): Promise<void> {
    await until(
      () => execFileSync("losetup", ["--associated", image], { encoding: "utf8" }),
      (devices) => devices === "",
      "the filesystem to be let go",
      20_000,
    )
  }
}

function writable(directory: string): void {
  mkdirSync(directory)
  chownSync(directory, MOVERS.uid, MOVERS.gid)
}
