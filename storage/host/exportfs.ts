import { StorageError } from "../errors.js"

/** 500 exports take a third of a second; a name server that does not answer may take long. */
const patienceMs = 30_000
/** Of what it says, so much is kept. */
const mostMessages = 20

/**
 * Has nfs-utils load its files anew: `exportfs -ra`. Gives what it said to standard error, in lines; that it was well, neither
 * this nor its exit code can tell (reference nas-platforms.md §1.4). Throws StorageError `missing`, `unreadable`, `timeout`.
 */
export async function exportfsReload(program = "exportfs"): Promise<readonly string[]> {
  // What starts programs takes long to load, and few daemons export.
  const { runToEnd } = await import("./run-program.js")
  const { stderr, failed } = await runToEnd(program, ["-ra"], patienceMs)
  const said = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(0, mostMessages)
  if (failed && said.length === 0) {
    throw new StorageError("unsupported", `${program} -ra failed without a word`, {
      facts: { program },
      hint: "Run it by hand, as root, and look at what it says.",
    })
  }
  return said
}
