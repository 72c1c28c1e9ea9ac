import { DirectoryTree, type BlobMemory } from "../../../storage/blobs/index.js"
import { StorageError } from "../../../storage/errors.js"
import { type KopiaRepository, openKopia } from "../../../storage/kopia/index.js"
import { Secret } from "../../../storage/secret.js"
import { expectedOf } from "../../support/fixtures.js"

/** Where the repository lies inside a fixture: two of them are buckets. */
const places: Readonly<Record<string, string>> = {
  "kopia/s3-flat": "/backups/cluster-a",
  "kopia/s3-blob-retention": "/locked",
}

export function placeIn(name: string, directory: string): string {
  return directory + (places[name] ?? "")
}

/** Stretched keys by password and label, shared by the tests of one file: each scrypt costs a fifth of a second. */
const stretched = new Map<string, Uint8Array>()
export const sharedKeys = {
  recall: async (label: string, password: Secret) => stretched.get(`${label} ${password.reveal()}`),
  remember: async (label: string, password: Secret, key: Uint8Array) => {
    stretched.set(`${label} ${password.reveal()}`, key)
  },
}

export function open(directory: string, password: string | undefined, memory?: BlobMemory): KopiaRepository {
  return openKopia({
    files: new DirectoryTree(directory),
    password: password === undefined ? undefined : new Secret(password),
    keys: sharedKeys,
    ...(memory === undefined ? {} : { memory }),
  })
}

export function passwordOf(name: string): string {
  return expectedOf(name).password as string
}

/** The error that a promise fails with; anything else fails the test. */
export async function failure(promise: Promise<unknown>): Promise<StorageError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
  throw new Error("it did not fail")
}
