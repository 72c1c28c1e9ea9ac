/** It looks at directories and at nothing in them. */
const patienceMs = 5_000

/**
 * What `lsattr -d` (e2fsprogs) says of directories: a line of flags and path for each that it could look at. Throws StorageError
 * `missing` where there is no such program, `unreadable`, `timeout`.
 */
export async function directoryAttributes(
  directories: readonly string[],
  program = "lsattr",
): Promise<string> {
  // What starts programs takes long to load, and only some filesystems have such attributes.
  const { runToEnd } = await import("./run-program.js")
  return (await runToEnd(program, ["-d", "--", ...directories], patienceMs)).stdout
}
