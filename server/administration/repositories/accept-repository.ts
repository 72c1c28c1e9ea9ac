import { isPerVolume, spotAt, spotOf } from "../../answers/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import type { Acknowledgements, Marks } from "../../db/index.js"
import type { AcceptRepositoryRequest, RepositoryAcceptedJson } from "../../http/contract/admin.js"
import { HttpError } from "../../http/index.js"
import type { Ledger } from "../../ledger/index.js"
import type { ApplyParts } from "../apply.js"
import type { FleetKeeper } from "../fleet-keeper.js"

export interface AcceptRepositoryParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly clock: Clock
  readonly ledger: Ledger
  readonly marks: Marks
  readonly acknowledgements: Acknowledgements
  readonly apply: Pick<ApplyParts, "declared" | "shelf">
  /** What was worked out of a place is worked out anew. */
  readonly forget: (place: string) => void
  readonly log: { info(fields: object, message: string): void }
}

/** Takes exactly the changes of a repository that an administrator names for right: another id, lost snapshots, lost index files. */
export class AcceptRepository {
  readonly #parts: AcceptRepositoryParts

  constructor(parts: AcceptRepositoryParts) {
    this.#parts = parts
  }

  accept(name: string, request: AcceptRepositoryRequest, by: string): RepositoryAcceptedJson {
    const { place } = this.#placeOf(name, request.path)
    const changes = [
      ...(request.id === undefined ? [] : this.#acceptId(place, request.id, by)),
      ...(request.gone === undefined ? [] : this.#acceptGone(place, request.gone, by)),
      ...(request.lostIndex === true ? this.#acceptLostIndex(place, by) : []),
    ]
    this.#parts.log.info({ repository: name, by, changes }, "change of a repository accepted")
    if (changes.length > 0) {
      this.#parts.forget(place)
      this.#parts.apply.declared(this.#parts.apply.shelf.current())
    }
    return { changes }
  }

  #placeOf(name: string, path: string | undefined): { place: string } {
    const repository = this.#parts.keeper.fleet.repositories.find(({ entry }) => entry.name === name)
    if (repository === undefined) throw new HttpError(404, "not_found", `No repository is called ${name}.`)
    const spot =
      path === undefined ? spotOf(repository, { namespace: "any", pvc: "any" }) : spotAt(repository, path)
    if (spot === undefined || (path === undefined && isPerVolume(repository))) {
      throw new HttpError(400, "which_directory", `${name} is a tree of repositories.`, {
        hint: "Name one of its directories with --path, relative to the store.",
      })
    }
    return spot
  }

  #acceptId(place: string, id: string, by: string): string[] {
    const { ledger, catalog, clock } = this.#parts
    const header = catalog.view(place)?.generation?.header
    const pinned = ledger.pins.get(place)
    if (header === undefined || pinned === undefined) {
      throw new HttpError(503, "not_listed", "What is there now has not been read yet.", {
        hint: "Ask again in a few seconds.",
      })
    }
    const { engine, repositoryId, fingerprint } = header
    if (id !== repositoryId && id !== fingerprint) {
      throw new HttpError(
        409,
        "stale",
        `There is ${repositoryId === "" ? fingerprint : repositoryId} now, not ${id}.`,
        {
          hint: "Look at the change as it is now and accept that one.",
        },
      )
    }
    if (pinned.repositoryId === repositoryId && pinned.fingerprint === fingerprint) return []
    const at = clock.now().wall
    ledger.pins.acknowledge({ place, was: pinned, becomes: { engine, repositoryId, fingerprint }, at, by })
    // Its metadata files are others. The snapshots that are missing now stay missing until each loss is accepted.
    this.#parts.marks.remove(place)
    return [
      `Repository ${id} is now the one at ${place}; it was ${pinned.repositoryId === "" ? pinned.fingerprint : pinned.repositoryId}.`,
    ]
  }

  #acceptGone(place: string, identity: string, by: string): string[] {
    const { ledger, clock } = this.#parts
    if (identity === "*")
      return ledger.sightings.identities(place).flatMap((name) => this.#acceptGone(place, name, by))
    const changes: string[] = []
    // Behind the newest there may be more: each is acknowledged until one that is still there stands in front.
    for (
      let gone = ledger.sightings.newestGone(place, identity);
      gone !== undefined;
      gone = ledger.sightings.newestGone(place, identity)
    ) {
      const { start, root } = gone
      ledger.sightings.explain({ place, identity, start, root }, "acknowledged", by, clock.now().wall)
      changes.push(
        `The snapshot of ${identity} taken at ${new Date(Number(start / 1_000_000n)).toISOString()} is gone for good.`,
      )
    }
    return changes
  }

  #acceptLostIndex(place: string, by: string): string[] {
    const { marks, acknowledgements, clock } = this.#parts
    if (marks.get(place) === undefined) return []
    acknowledgements.add({ kind: "index_lost", place, detail: "{}", at: clock.now().wall, by })
    marks.remove(place)
    return [`The metadata files that vanished from ${place} are gone for good.`]
  }
}
