import { DirectoryTree, type FileTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import {
  type VerifiedSnapshot,
  verify,
  type VerifyOptions,
  type VerifyResult,
} from "../../../storage/verify/index.js"
import { expectedOf } from "../../support/fixtures.js"
import { sharedKeys } from "../kopia/open.js"

export interface Wanted extends Partial<VerifyOptions> {
  readonly files?: FileTree
}

/** Verifies a repository in this thread, with deep reading unless something else is wanted. */
export async function verified(
  directory: string,
  password: string,
  wanted: Wanted = {},
): Promise<VerifyResult> {
  const { files = new DirectoryTree(directory), ...options } = wanted
  const repository = await openRepository({ files, password: new Secret(password), keys: sharedKeys })
  return verify(repository, files, { level: "read", threads: 0, ...options })
}

export function passwordOf(name: string): string {
  return expectedOf(name)["password"] as string
}

/** Damaged paths of a snapshot, as text. */
export function pathsOf({ damaged }: VerifiedSnapshot): string[] {
  return damaged.map(({ path }) => Buffer.from(path).toString("latin1")).sort()
}
