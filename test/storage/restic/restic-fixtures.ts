import { join } from "node:path"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRestic, type ResticRepository } from "../../../storage/restic/index.js"
import { Secret } from "../../../storage/secret.js"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"

/** What restic itself printed of a snapshot. */
export interface ExpectedSnapshot {
  readonly id: string
  readonly time: string
  readonly tree: string
  readonly paths: readonly string[]
  readonly hostname?: string
  readonly username?: string
  readonly tags?: readonly string[]
  readonly summary?: {
    readonly backup_end: string
    readonly total_files_processed: number
    readonly total_bytes_processed: number
  }
}

/** What restic itself said of one repository of a fixture. */
export interface ExpectedRepository {
  readonly password: string
  readonly config: { readonly version: number; readonly id: string }
  readonly keys: readonly { readonly id: string }[]
  readonly snapshots: readonly ExpectedSnapshot[]
  readonly counts: Readonly<Record<"snapshots" | "index" | "packs" | "keys" | "locks" | "blobs", number>>
  readonly digests: Readonly<Record<"snapshots" | "index" | "keys" | "locks", string>>
  readonly locks: readonly {
    readonly id: string
    readonly time: string
    readonly exclusive: boolean
    readonly hostname: string
    readonly username: string
  }[]
}

/** One repository in a fixture; `movers` and `copied` hold several. */
export interface ResticFixture {
  readonly name: string
  readonly fixture: string
  readonly folder: string
  readonly expected: ExpectedRepository
}

/** Every repository of every fixture of restic. */
export function resticFixtures(): ResticFixture[] {
  return fixtureNames("restic").flatMap((name) => {
    const expected = expectedOf(name)
    const inner = Object.entries(expected).filter(([key]) => key.startsWith("repository "))
    const all: [string, unknown][] = inner.length === 0 ? [["", expected]] : inner
    return all.map(([key, value]) => {
      const folder = key.replace("repository ", "")
      return {
        name: folder === "" ? name : `${name}: ${folder}`,
        fixture: name,
        folder,
        expected: value as ExpectedRepository,
      }
    })
  })
}

export function directoryOf(one: ResticFixture): string {
  return join(fixture(one.fixture), one.folder)
}

/** Opens a directory; without a password only its names can be read. */
export function open(directory: string, password?: string): ResticRepository {
  return openRestic({
    files: new DirectoryTree(directory),
    password: password === undefined ? undefined : new Secret(password),
  })
}
