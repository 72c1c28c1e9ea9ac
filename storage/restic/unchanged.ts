import type { FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { type Doubt, NO_DOUBT } from "./folder-view.js"
import { type Layout, type LayoutView, sameLayout } from "./layout.js"

// Each try costs two listings and what is new. A repository that changes through all of them is being written to as
// fast as it is read; the caller tries again later.
const MOST_TRIES = 8
const NOTHING: readonly TreeEntry[] = []

type Outcome<T> = { readonly value: T } | { readonly error: StorageError }
type Look = Outcome<Layout>

export interface Reading<T> {
  readonly files: FileTree
  readonly view: LayoutView
  /** What the view knows and the first look must not believe. */
  readonly doubt: Doubt
  readonly read: (layout: Layout) => Promise<T>
  readonly signal: AbortSignal | undefined
  /** Further files that must not change: an array of the layout's own. */
  readonly besides?: (layout: Layout) => readonly TreeEntry[]
}

/**
 * What `read` makes of the repository, provided that a listing begun after its last read names the same files as the one
 * before: a result of one moment. A failure counts under the same condition, because a file that was just removed looks
 * like one that is lost. Throws `unstable` after several tries.
 */
export async function whileUnchanged<T>(reading: Reading<T>): Promise<T> {
  const { files, read, signal, besides = () => NOTHING } = reading
  let before = await look(reading, reading.doubt)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    signal?.throwIfAborted()
    const outcome = await readFrom(before, read)
    // What could not be read may be growing under its name, if it is a copy that is being made. What could be read has the
    // name that its bytes give it, or was known.
    const after = await look(reading, "error" in outcome ? "any" : NO_DOUBT)
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

function look<T>({ files, view }: Reading<T>, doubt: Doubt): Promise<Look> {
  return attempt(() => view.look(files, doubt))
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
