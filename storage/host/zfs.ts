import { runTool, toolFailure, type ToolRunner } from "./tool.js"

// OpenZFS, by fixed argument lists (reference nas-platforms.md §5.5). Datasets and filesystem snapshots are named, never paths.
// All throw StorageError: `missing` without the program, `unreadable` without the right to, `io`, `timeout`, `unsupported`.

const patienceMs = 60_000

export interface ZfsProgram {
  /** Lines of property, tab, value in bytes. */
  get(dataset: string, properties: readonly string[]): Promise<string>
  set(dataset: string, property: string, value: string): Promise<void>
  /** One line for each filesystem snapshot of the dataset itself, the columns set apart by tabs. */
  snapshots(dataset: string, columns: readonly string[]): Promise<string>
  /** `properties` are of the filesystem snapshot that it makes: "name:of=value". */
  snapshot(snapshot: string, properties: readonly string[]): Promise<void>
  /** Lines of snapshot, tag, time, set apart by tabs. */
  holds(snapshot: string): Promise<string>
  hold(tag: string, snapshot: string): Promise<void>
  release(tag: string, snapshot: string): Promise<void>
  /** Destroys one filesystem snapshot and nothing else. `snapshot` must hold an "@": without, ZFS would destroy a dataset. */
  destroySnapshot(snapshot: string): Promise<void>
}

export function zfsProgram(run: ToolRunner = runTool): ZfsProgram {
  const zfs = async (...args: readonly string[]): Promise<string> => {
    const answer = await run("zfs", args, { milliseconds: patienceMs })
    if (answer.exitCode === 0) return answer.stdout
    throw toolFailure("zfs", args, answer)
  }
  const quietly = async (...args: readonly string[]): Promise<void> => {
    await zfs(...args)
  }
  return {
    get: (dataset, properties) => zfs("get", "-Hp", "-o", "property,value", properties.join(","), dataset),
    set: (dataset, property, value) => quietly("set", `${property}=${value}`, dataset),
    snapshots: (dataset, columns) =>
      zfs("list", "-Hp", "-t", "snapshot", "-d", "1", "-o", columns.join(","), dataset),
    snapshot: (snapshot, properties) =>
      quietly("snapshot", ...properties.flatMap((property) => ["-o", property]), snapshot),
    holds: (snapshot) => zfs("holds", "-H", snapshot),
    hold: (tag, snapshot) => quietly("hold", tag, snapshot),
    release: (tag, snapshot) => quietly("release", tag, snapshot),
    destroySnapshot: async (snapshot) => {
      if (!snapshot.includes("@")) throw new TypeError(`${snapshot} is no filesystem snapshot`)
      await zfs("destroy", snapshot)
    },
  }
}
