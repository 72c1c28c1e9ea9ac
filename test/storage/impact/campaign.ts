import { createHash } from "node:crypto"
import { readdirSync, readFileSync, readlinkSync, renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { type Impact, impactOf } from "../../../storage/impact/index.js"
import {
  type LostContents,
  openRepository,
  Secret,
  type Snapshot,
  type SnapshotContents,
} from "../../../storage/index.js"

/** A repository as it was before anything happened to it. */
export interface Patient {
  readonly directory: string
  readonly password: string
  readonly snapshots: readonly Snapshot[]
  readonly contents: SnapshotContents
}

export async function patientAt(directory: string, password: string): Promise<Patient> {
  const files = new DirectoryTree(directory)
  const repository = await openRepository({ files, password: new Secret(password) })
  const { snapshots } = await repository.list()
  return { directory, password, snapshots, contents: await repository.openContents() }
}

export interface Prognosis {
  readonly loss: LostContents
  readonly impact: Impact
}

export async function prognosisOf({ contents, snapshots }: Patient, file: string): Promise<Prognosis> {
  const loss = await contents.contentsIn(file)
  const impact = await impactOf(contents, snapshots, loss.has, {
    gone: new Set(loss.snapshots),
    most: 10_000,
  })
  return { loss, impact }
}

/** Paths that are said to be lost of one snapshot: hex, "" for the root. Undefined: the snapshot itself is. */
export function named({ impact }: Prognosis, snapshot: Snapshot): string[] | undefined {
  const found = impact.snapshots.find((one) => one.snapshot.id === snapshot.id)
  if (found?.gone === true) return undefined
  if (found !== undefined && found.beyond > 0) throw new Error("not all paths were named")
  return (found?.paths ?? []).map(({ path }) => Buffer.from(path).toString("hex")).sort()
}

/** Does something while a file is not there. */
export async function without<T>(directory: string, file: string, act: () => Promise<T>): Promise<T> {
  const path = join(directory, file)
  renameSync(path, `${path}.aside`)
  try {
    return await act()
  } finally {
    renameSync(`${path}.aside`, path)
  }
}

/** Does something while a file is all zeros: restic tries for minutes to read one that is not there. */
export async function zeroed<T>(directory: string, file: string, act: () => Promise<T>): Promise<T> {
  const path = join(directory, file)
  const bytes = readFileSync(path)
  writeFileSync(path, Buffer.alloc(statSync(path).size))
  try {
    return await act()
  } finally {
    writeFileSync(path, bytes)
  }
}

/** What lies in a directory: by path in hex what it is and what is in it. */
export function restoredIn(directory: string): Map<string, string> {
  const found = new Map<string, string>()
  const walk = (path: Buffer, above: Buffer): void => {
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: "buffer" })) {
      const full = Buffer.concat([path, Buffer.from("/"), entry.name])
      const below = above.length === 0 ? entry.name : Buffer.concat([above, Buffer.from("/"), entry.name])
      const what = entry.isFile()
        ? createHash("sha256").update(readFileSync(full)).digest("hex")
        : entry.isSymbolicLink()
          ? readlinkSync(full, "hex")
          : "directory"
      if (what !== "directory") found.set(below.toString("hex"), what)
      if (entry.isDirectory()) walk(full, below)
    }
  }
  walk(Buffer.from(directory), Buffer.alloc(0))
  return found
}

/** Which of the paths are what was named, or lie below. */
export function covered(paths: Iterable<string>, names: readonly string[]): string[] {
  const exact = new Set(names)
  const folders = names.map((name) => (name === "" ? "" : `${name}2f`))
  return [...paths]
    .filter((path) => exact.has(path) || folders.some((folder) => path.startsWith(folder)))
    .sort()
}
