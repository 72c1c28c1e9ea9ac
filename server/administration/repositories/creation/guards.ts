import { type DirectoryOwner, ENTER, may, READ, WRITE } from "../../../../storage/disk/index.js"
import type { PlaceView } from "../../../catalog/index.js"
import type { RepositoryEntry } from "../../../config/index.js"
import { HttpError } from "../../../http/index.js"
import type { Expectation } from "../../directories/expected-owner.js"
import { octal } from "../../directories/judge-directory.js"

/** All that decides whether a repository may be made at a place. */
export interface CreationFacts {
  readonly entry: Pick<RepositoryEntry, "name" | "new" | "engine">
  readonly directory: string
  readonly store: string
  readonly path: string
  /** After a listing that began after it was asked for; undefined: it did not come in time. */
  readonly view: PlaceView | undefined
  readonly everSeen: string | undefined
  readonly hasPassword: boolean
  readonly expectation: Expectation
  /** The directory that is there already. */
  readonly found: DirectoryOwner | undefined
  /** The daemon's. */
  readonly user: { readonly uid: number | undefined; readonly gid: number | undefined }
}

/** What keeps a repository from being made, the first that applies: 503 where it cannot be told, 409 where a guard says no. */
export function creationObstacle(facts: CreationFacts): HttpError | undefined {
  return placeObstacle(facts) ?? pastObstacle(facts) ?? ownerObstacle(facts) ?? passwordObstacle(facts)
}

/** "Certainly empty" is what it is for a certain `fresh` (design 5.2, the first backup). */
function placeObstacle({ view, directory }: CreationFacts): HttpError | undefined {
  if (view === undefined) {
    return new HttpError(503, "timeout", `What is in ${directory} could not be told in time.`, {
      hint: "Ask again when the disk is less busy.",
    })
  }
  const { trouble, generation } = view
  if (trouble?.kind === "fenced") {
    const { code, message, hint } = trouble.state
    return new HttpError(503, code, message, { hint })
  }
  if (generation !== undefined && trouble === undefined) {
    const { engine, repositoryId, fingerprint } = generation.header
    const id = repositoryId === "" ? fingerprint : repositoryId
    return new HttpError(409, "already_there", `${directory} holds the ${engine} repository ${id} already.`, {
      hint: "Movers can use it; `cistern repositories` shows it.",
    })
  }
  if (trouble === undefined) {
    return new HttpError(503, "not_listed", `What is in ${directory} has not been read yet.`, {
      hint: "Ask again in a few seconds.",
    })
  }
  const { error, empty } = trouble
  if (empty) return undefined
  if (error.code === "internal" || unclear.has(error.code)) {
    return new HttpError(503, error.code, `${directory}: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
    })
  }
  return new HttpError(409, "not_empty", `${directory} is not empty: ${error.message}.`, {
    hint: `Look at what lies in ${directory}; nothing there is touched. A repository is made only where nothing is.`,
  })
}

const unclear: ReadonlySet<string> = new Set(["unreadable", "io", "timeout", "unstable", "upgrading"])

function pastObstacle({ everSeen, entry, directory }: CreationFacts): HttpError | undefined {
  if (everSeen !== undefined) {
    return new HttpError(
      409,
      "seen_before",
      `${directory} is empty, but ${everSeen} was seen there before.`,
      {
        hint: "Mount or bring back what was there. An empty one in its place would make its volumes fresh.",
      },
    )
  }
  if (!entry.new) {
    return new HttpError(409, "not_new", `Repository ${entry.name} was not declared to be new.`, {
      hint: "If its place is meant to be empty, declare `new: true`; else mount what belongs there.",
    })
  }
  return undefined
}

function ownerObstacle(facts: CreationFacts): HttpError | undefined {
  const { entry, directory, expectation, found, user, store, path } = facts
  const { owner, squashes } = expectation
  if (owner === undefined) {
    return new HttpError(409, "no_owner", `Nobody said whose ${directory} should be.`, {
      hint: `Give repository ${entry.name} an \`owner\`, or the export around it a \`squash\`, and apply that.`,
    })
  }
  const other = squashes.find(({ uid, gid }) => uid !== owner.uid || gid !== owner.gid)
  if (other !== undefined) {
    return new HttpError(
      409,
      "squash_differs",
      `The export makes everybody ${other.uid}:${other.gid}, and ${directory} is to belong to ${owner.uid}:${owner.gid}.`,
      {
        hint: `Give the export \`squash: { uid: ${owner.uid}, gid: ${owner.gid} }\`, or the repository that owner.`,
      },
    )
  }
  if (user.uid !== 0 && (user.uid !== owner.uid || user.gid !== owner.gid)) {
    return new HttpError(
      409,
      "not_root",
      `The daemon runs as ${user.uid ?? "nobody"}:${user.gid ?? ""} and cannot run ${entry.engine} as ${owner.uid}:${owner.gid}.`,
      { hint: "Run the daemon as root, or as the user that the movers write as." },
    )
  }
  if (found !== undefined && !may(owner, found, READ | WRITE | ENTER)) {
    return new HttpError(
      409,
      "not_writable",
      `${owner.uid}:${owner.gid} may not work in ${directory}: it is ${found.uid}:${found.gid}, mode ${octal(found.mode)}.`,
      { hint: `Put that right first: cistern directories repair ${store}:${path}` },
    )
  }
  return undefined
}

function passwordObstacle({ hasPassword, entry }: CreationFacts): HttpError | undefined {
  if (hasPassword) return undefined
  return new HttpError(503, "password_missing", `The password of repository ${entry.name} cannot be had.`, {
    hint: "Declare its `password`, and let the daemon's user read it; the daemon's log says what is wrong with it.",
  })
}
