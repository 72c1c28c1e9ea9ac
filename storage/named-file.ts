import { StorageError } from "./errors.js"

const MOST_NAMED = 3

/** The one of several names that is meant by it or by its beginning; undefined for none. Throws `invalid` when it may be several. */
export function nameMeantBy(words: string, names: Iterable<string>): string | undefined {
  const fitting: string[] = []
  let count = 0
  for (const name of names) {
    if (name === words) return name
    if (!name.startsWith(words)) continue
    count++
    if (fitting.length < MOST_NAMED) fitting.push(name)
  }
  if (count < 2) return fitting[0]
  throw new StorageError(
    "invalid",
    `${count} files of the repository begin with ${words}: ${fitting.join(", ")}${count > MOST_NAMED ? ", …" : ""}`,
    {
      hint: "Give more of the name.",
    },
  )
}

/** Nothing in a repository is called so. */
export function noFileCalled(words: string): StorageError {
  return new StorageError(
    "invalid",
    `no file of the repository is called ${words}, and no index tells of one`,
    {
      hint: "Give a blob's id, its path below the repository, or the beginning of either.",
    },
  )
}
