import { formatInstant } from "../../../storage/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import { familyOf } from "../../answers/index.js"
import type { Catalog, PlaceView } from "../../catalog/index.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { soon } from "../soon.js"
import type { Target } from "./targets.js"

/** More repositories than this are not listed anew only to know who writes in them. */
const MOST_LISTINGS = 20

/** The repositories in a directory or around it, as they are now where that can be told soon. */
export async function placesAt(
  { store, directory }: Target,
  { keeper, catalog }: { readonly keeper: FleetKeeper; readonly catalog: Catalog },
  most = MOST_LISTINGS,
): Promise<PlaceView[]> {
  const touched = (): PlaceView[] =>
    catalog
      .views()
      .filter(({ spec }) => isAround(directory, spec.directory) || isAround(spec.directory, directory))
  const listings = touched()
    .slice(0, most)
    .flatMap(({ spec }) => {
      const repository = keeper.repositoryAt(spec.place)
      return repository === undefined ? [] : catalog.listNow(spec, store.name, familyOf(repository))
    })
  await soon(Promise.all(listings))
  return touched()
}

/** Refuses while an engine says that it writes there. Throws HttpError 409 `writing`. */
export function refuseWriters(places: readonly PlaceView[], force: boolean): void {
  if (force) return
  for (const { spec, generation } of places) {
    const writer = generation?.header.writers[0]
    if (writer === undefined) continue
    const who = [writer.user, writer.host].filter((part) => part !== undefined).join("@")
    throw new HttpError(
      409,
      "writing",
      `${spec.directory} is being written${who === "" ? "" : ` by ${who}`}, last seen ${formatInstant(writer.lastSeen)}.`,
      {
        hint: "Wait until it is done. If its mover was killed and left that mark behind, say --force.",
      },
    )
  }
}
