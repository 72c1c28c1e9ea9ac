import type { OwnershipSample, Owner } from "../../../storage/disk/index.js"
import { type FleetRepository, storeOf } from "../../answers/index.js"
import type { OpenStores } from "../../catalog/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import type { FleetPlaces } from "./fleet-places.js"
import { soon } from "../soon.js"

export interface RepositoryCheckParts {
  readonly places: FleetPlaces
  readonly catalog: { readonly stores: Pick<OpenStores, "hang" | "ownership"> }
}

/** Of a tree of repositories so many are looked at. */
const MOST_DIRECTORIES = 20
const MOST_FILES = 200
/** Kopia itself warns above it. */
const MANY_INDEX_FILES = 1_000

/** What the doctor finds in a repository besides its listing. Looks at a few files, and not for long. */
export async function repositoryChecks(
  repository: FleetRepository,
  parts: RepositoryCheckParts,
): Promise<CheckJson[]> {
  return [...(await ownershipChecks(repository, parts)), ...indexChecks(repository, parts)]
}

async function ownershipChecks(
  repository: FleetRepository,
  { places, catalog }: RepositoryCheckParts,
): Promise<CheckJson[]> {
  const name = `files of repository ${repository.entry.name}`
  const store = storeOf(repository)
  const directories = places
    .of(repository)
    .filter(({ generation }) => generation !== undefined)
    .map(({ spec }) => spec.directory)
    .slice(0, MOST_DIRECTORIES)
  // What cannot be listed or hangs is said already.
  if (directories.length === 0 || catalog.stores.hang(store) !== undefined) return []
  const most = Math.ceil(MOST_FILES / directories.length)
  const samples = await soon(catalog.stores.ownership(store, { directories, most }))
  if (samples === undefined) {
    const hint = "Ask again when the disk is less busy."
    return [{ name, status: "warn", detail: "whose they are could not be found out in time", hint }]
  }
  return samples.length === 0 ? [] : [judgeOwnership(name, samples, process.getuid?.())]
}

/** Decides what a look at the files of one repository, or of several of one tree, means. `user` is the daemon's. */
export function judgeOwnership(
  name: string,
  samples: readonly OwnershipSample[],
  user: number | undefined,
): CheckJson {
  const looked = samples.reduce((sum, sample) => sum + sample.looked, 0)
  const unreadable = samples.flatMap((sample) => sample.unreadable ?? [])
  const [first] = unreadable
  if (first !== undefined) {
    const count = unreadable.reduce((sum, one) => sum + one.count, 0)
    return {
      name,
      status: "warn",
      detail: `${count} of ${looked} looked at may not be read by the daemon's user (uid ${user ?? "unknown"}), such as ${first.example}`,
      hint: "Let the daemon run as the user or in the group that the movers write as, with a mode that lets it read.",
    }
  }
  const mixed = samples.find(({ owners }) => owners.length > 1)
  if (mixed !== undefined) {
    return {
      name,
      status: "warn",
      detail: `of ${mixed.looked} looked at in ${mixed.directory}, ${mixed.owners.map(told).join(", ")}`,
      hint: "A mover may not read what another user's mover wrote. Let all run as one user, or squash the export to one; then `cistern directories` says what to hand over, and does it.",
    }
  }
  const modes = [
    ...new Set(samples.map(({ uid, gid, mode }) => `${uid}:${gid}, folder mode ${mode.toString(8)}`)),
  ]
  return { name, status: "ok", detail: `${looked} looked at: ${modes.slice(0, 5).join("; ")}`, hint: null }
}

function told({ uid, gid, count, example }: Owner): string {
  return `${count} belong to ${uid}:${gid} (such as ${example})`
}

function indexChecks(repository: FleetRepository, { places }: RepositoryCheckParts): CheckJson[] {
  if (repository.entry.engine !== "kopia") return []
  return places.of(repository).flatMap(({ generation }) => {
    if (generation === undefined) return []
    // The first mark names the repository, each other one an index file that counts.
    const count = Math.max(0, generation.header.marks.length - 1)
    const many = count > MANY_INDEX_FILES
    return [
      {
        name: `index files of repository ${repository.entry.name}`,
        status: many ? "warn" : "ok",
        detail: `${count} ${count === 1 ? "counts" : "count"}`,
        hint: many
          ? "Kopia's maintenance compacts them, and movers do not run it: let one KopiaMaintenance, or `kopia maintenance run` as its owner, run daily."
          : null,
      },
    ]
  })
}
