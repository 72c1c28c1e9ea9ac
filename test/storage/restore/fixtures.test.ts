import { createHash } from "node:crypto"
import { lstatSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Repository } from "../../../storage/index.js"
import { restore } from "../../../storage/restore/index.js"
import { expectedOf, fixture, fixtureNames, scratch } from "../../support/fixtures.js"
import { type Restored, type RestoredEntry, shownAs } from "../../support/restored.js"
import { type OnDisk, treeOnDisk } from "../../support/tree-on-disk.js"
import { open as openKopia, passwordOf, placeIn } from "../kopia/open.js"
import { open as openRestic } from "../restic/restic-fixtures.js"

const restored = (engine: "kopia" | "restic") =>
  fixtureNames(engine).filter((name) => ((expectedOf(name).restores ?? []) as unknown[]).length > 0)

type RestoredByEngine = Omit<Restored, "files"> & {
  readonly files?: readonly (RestoredEntry & { readonly hardLinkOf?: string })[]
}

/** Restores each snapshot that the real engine restored, and compares the disk with what that left on its own. */
async function compare(
  name: string,
  repository: Repository,
  how: { directoryTimes: boolean },
): Promise<void> {
  const { snapshots } = await repository.list()
  const contents = await repository.openContents()
  for (const { id, digest, files, fileCount, bytes } of expectedOf(name).restores as RestoredByEngine[]) {
    const snapshot = snapshots.find((one) => one.id === id)
    if (snapshot === undefined) throw new Error(`no snapshot ${id}`)
    const target = join(scratch(), "target")
    const result = await restore(contents, await contents.describedRoot(snapshot), target, {
      unsynced: true,
    })
    expect(result).toMatchObject({ failed: [], lost: [], reopened: false, stopped: undefined })
    expect(result.files).toBe(fileCount)
    expect(result.bytes + result.linkedBytes).toBe(bytes)
    const [top, ...below] = treeOnDisk(target, how)
    expect(digestOfDisk(below)).toBe(digest)
    if (files === undefined) continue
    expect(below.map(bare)).toEqual(shownAs(files, how))
    for (const { path = "", hardLinkOf } of files) {
      if (hardLinkOf === undefined) continue
      expect(lstatSync(join(target, path)).ino).toBe(lstatSync(join(target, hardLinkOf)).ino)
    }
    const root = files.find(({ path }) => path === ".")
    if (name.startsWith("kopia/") && root !== undefined) {
      expect(top).toMatchObject({ mode: root.mode, owner: `${root.uid}:${root.gid}` })
      expect(lstatSync(target, { bigint: true }).mtimeNs.toString()).toBe(root.mtimeNs)
    }
  }
}

/** What an expected.json tells of an entry. */
function bare({ path, type, mode, owner, mtimeNs, size, sha256, target, attributes }: OnDisk): object {
  return { path, type, mode, owner, mtimeNs, size, sha256, target, attributes }
}

function digestOfDisk(entries: readonly OnDisk[]): string {
  const lines = entries
    .filter(({ type }) => type === "f")
    .map(({ path, size, sha256: hash }) => `${path} ${size ?? ""} ${hash ?? ""}`)
    .sort()
  return createHash("sha256").update(lines.join("\n")).digest("hex")
}

describe("a snapshot restored is what kopia restores", () => {
  it.each(restored("kopia"))("%s", async (name) => {
    // The engine gives directories the newest time in them; we give them their own.
    await compare(name, openKopia(placeIn(name, fixture(name)), passwordOf(name)), { directoryTimes: false })
  })
})

describe("a snapshot restored is what restic restores", () => {
  it.each(restored("restic"))("%s", async (name) => {
    await compare(name, openRestic(fixture(name), passwordOf(name)), { directoryTimes: true })
  })
})
