import { DirectoryTree } from "../../storage/blobs/index.js"
import { openRepository, Secret, type Snapshot, type SnapshotContents } from "../../storage/index.js"
import { expectedOf, fixture } from "./fixtures.js"

export interface OpenedFixture {
  readonly password: string
  readonly directory: string
  readonly snapshots: readonly Snapshot[]
  readonly contents: SnapshotContents
}

/** A fixture's snapshots and what is in them, read as users read it. `directory`: a damaged copy of it. */
export async function openedFixture(name: string, directory = fixture(name)): Promise<OpenedFixture> {
  const password = expectedOf(name)["password"] as string
  const repository = await openRepository({
    files: new DirectoryTree(directory),
    password: new Secret(password),
  })
  const { snapshots } = await repository.list()
  return { password, directory, snapshots, contents: await repository.openContents() }
}
