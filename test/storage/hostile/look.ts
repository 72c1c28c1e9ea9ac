// Does with a repository all that Cistern does with one, each by itself. argv: directory, a scratch directory. Prints an answer for each
// and the most memory that the process held, in MB.
import { join } from "node:path"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { archive, diffTrees, findInTree, PathPattern } from "../../../storage/browse/index.js"
import type { SnapshotContents, SnapshotEntry } from "../../../storage/contents.js"
import { impactOf } from "../../../storage/impact/index.js"
import { openRepository, Secret, type Snapshot, StorageError } from "../../../storage/index.js"
import { restore } from "../../../storage/restore/index.js"
import { verify, type VerifyLevel } from "../../../storage/verify/index.js"

const MOST_ENTRIES = 21_000
const MOST_BYTES = 20_000_000

const [directory = "", scratch = ""] = process.argv.slice(2)
const files = new DirectoryTree(directory)
const repository = await openRepository({
  files,
  password: new Secret(process.env["HOSTILE_PASSWORD"] ?? ""),
})
const answers: Record<string, string> = {}

async function answer(what: string, work: () => Promise<string>): Promise<void> {
  const started = performance.now()
  try {
    answers[what] = await work()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    answers[what] = `refused: ${error.code}`
  }
  const seconds = (performance.now() - started) / 1000
  if (seconds > 2) process.stderr.write(`${what} took ${seconds.toFixed(1)} s\n`)
}

async function verified(level: VerifyLevel): Promise<string> {
  const result = await verify(repository, files, { level, directory, threads: 1 })
  const reasons = result.snapshots.flatMap((one) => one.reasons)
  if (result.problem !== undefined) return `refused: ${result.problem.code}`
  return result.ok
    ? "well"
    : `damaged: ${[...new Set([...reasons, ...result.bad.map(({ code }) => code)])].sort().join(" ")}`
}

async function withRoot(
  work: (contents: SnapshotContents, root: SnapshotEntry, snapshot: Snapshot) => Promise<string>,
): Promise<string> {
  const { snapshots } = await repository.list()
  const contents = await repository.openContents()
  const [snapshot] = snapshots
  if (snapshot === undefined) return "nothing"
  return work(contents, contents.root(snapshot), snapshot)
}

await answer("reachable", () => verified("reachable"))
await answer("read", () => verified("read"))
await answer("impact", () =>
  withRoot(async (contents, root, snapshot) => {
    // Of whatever the root begins with, and of what is in no index anyhow.
    const [first] = root.kind === "directory" ? await contents.list(root).catch(() => []) : []
    const lost = new Set<string>()
    if (first !== undefined) for await (const part of contents.parts(first)) lost.add(part)
    const { snapshots } = await impactOf(contents, [snapshot], (content) => lost.has(content))
    return snapshots.length === 0 ? "nothing lost" : "lost"
  }),
)
await answer("find", () =>
  withRoot(async (contents, root) => {
    let [found, problems] = [0, 0]
    for await (const one of findInTree(contents, root, new PathPattern("**/*"), {
      mostEntries: MOST_ENTRIES,
    }))
      if ("problem" in one) problems++
      else found++
    return `${found} found, ${problems} problems`
  }),
)
await answer("diff", () =>
  withRoot(async (contents, root) => {
    let [changes, problems] = [0, 0]
    for await (const { problem } of diffTrees(contents, undefined, root, { mostEntries: MOST_ENTRIES })) {
      changes++
      if (problem !== undefined) problems++
    }
    return `${changes} changes, ${problems} problems`
  }),
)
await answer("archive", () =>
  withRoot(async (contents, root) => {
    let bytes = 0
    const options = { format: "tar", damaged: "stop", mostEntries: MOST_ENTRIES } as const
    for await (const piece of archive(contents, root, options)) {
      bytes += piece.length
      if (bytes > MOST_BYTES) return "more than anybody takes"
    }
    return "whole"
  }),
)
await answer("restore", () =>
  withRoot(async (contents, root) => {
    const target = join(scratch, "restored")
    const limits = { entries: MOST_ENTRIES, bytes: MOST_BYTES, depth: 20_000 }
    const { failedCount, stopped } = await restore(contents, root, target, { unsynced: true, limits })
    if (stopped !== undefined) return `stopped: ${stopped.code}`
    return failedCount === 0 ? "whole" : "in part"
  }),
)
const peak = Math.round(process.resourceUsage().maxRSS / 1024)
process.stdout.write(JSON.stringify({ answers, peak }))
