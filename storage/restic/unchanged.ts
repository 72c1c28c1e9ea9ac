import type { FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { type Layout, readLayout, sameLayout } from "./layout.js"

// Each try costs two listings and what is new. A repository that changes through all of them is being written to as
// fast as it is read; the caller tries again later.
const MOST_TRIES = 8

type Outcome<T> = { readonly value: T } | { readonly error: StorageError }
type Look = Outcome<Layout>

/**
 * What `read` makes of the repository, provided that a listing begun after its last read names the same files as the one
 * before: a result of one moment. A failure counts under the same condition, because a file that was just removed looks
 * like one that is lost. `besides` names further files that must not change. Throws `unstable` after several tries.
 */
export async function whileUnchanged<T>(
  files: FileTree,
  read: (layout: Layout) => Promise<T>,
  signal: AbortSignal | undefined,
  besides: (layout: Layout) => readonly TreeEntry[] = () => [],
): Promise<T> {
  let before = await look(files)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    signal?.throwIfAborted()
    const outcome = await readFrom(before, read)
    const after = await look(files)
    if (sameLook(before, after, besides)) {
      if ("error" in outcome) throw outcome.error
      return outcome.value
    }
    before = after
  }
  throw new StorageError("unstable", `${files.location} kept changing while it was read`, {
    facts: { tries: MOST_TRIES },
    hint: "A later try succeeds when the writer pauses.",
  })
}

function look(files: FileTree): Promise<Look> {
  return attempt(() => readLayout(files))
}

async function readFrom<T>(look: Look, read: (layout: Layout) => Promise<T>): Promise<Outcome<T>> {
  if ("error" in look) return look
  return attempt(() => read(look.value))
}

async function attempt<T>(action: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await action() }
  } catch (error) {
    if (error instanceof StorageError) return { error }
    throw error
  }
}

function sameLook(a: Look, b: Look, besides: (layout: Layout) => readonly TreeEntry[]): boolean {
  if ("error" in a || "error" in b) return "error" in a && "error" in b && a.error.message === b.error.message
  return sameLayout(a.value, b.value, besides)
}
