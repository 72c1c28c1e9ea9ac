import { given, type OpenDirectory, runOn, runTool } from "./tool.js"

/** Without reflinks every byte is copied, and a repository may have terabytes; the signal ends it before. */
const patienceMs = 24 * 3_600_000

/**
 * Copies what is in `from` into `into`, an empty directory: modes, owners, times, links, extended attributes and holes, and
 * `from`'s own upon `into`. Follows no link, enters no other filesystem, and shares blocks where the filesystem can. Throws
 * StorageError `io` when there is no room, `missing`, `unreadable`, `timeout`, `unsupported`; what was copied until then stays.
 */
export async function copyTree(
  from: OpenDirectory,
  into: OpenDirectory,
  signal?: AbortSignal,
): Promise<void> {
  const args = ["-a", "--reflink=auto", "--one-file-system", "-T", "--", given(0), given(1)]
  await runOn(runTool, "cp", args, [from, into], { milliseconds: patienceMs, signal })
}

/** Waits until everything that was written to the filesystem of `directory` is on its disk. */
export async function syncFilesystem(directory: OpenDirectory): Promise<void> {
  await runOn(runTool, "sync", ["--file-system", "--", given(0)], [directory], { milliseconds: 600_000 })
}
