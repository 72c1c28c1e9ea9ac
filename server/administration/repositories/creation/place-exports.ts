import { type ActiveExport, isAround } from "../../../../storage/nfs/index.js"
import { HttpError } from "../../../http/index.js"
import type { ChosenNfsServer } from "../../exports/chosen-nfs-server.js"
import type { KeptOut } from "../../exports/kept-out.js"
import type { ExportKeeper } from "../../exports/export-keeper.js"
import type { Turns } from "../../turns.js"

export interface PlaceExportsParts {
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  readonly exportKeeper: Pick<ExportKeeper, "look">
  /** Shared with whoever else changes exports. */
  readonly turns: Turns
  readonly keptOut: KeptOut
}

/** What the server exports of a place now. */
export interface ExportsAround {
  /** The place itself, or a part of it. */
  readonly ofThePlace: readonly string[]
  /** What it is a part of, where somebody may write. */
  readonly around: readonly string[]
}

const BEING_CREATED = "being_created"

/** Keeps clients out of a place while a repository is made there. */
export class PlaceExports {
  readonly #parts: PlaceExportsParts

  constructor(parts: PlaceExportsParts) {
    this.#parts = parts
  }

  async around(place: string): Promise<ExportsAround> {
    const active = (await this.#parts.nfsServer.current?.state())?.active ?? []
    return {
      ofThePlace: pathsOf(active.filter(({ path }) => isAround(place, path))),
      around: pathsOf(
        active.filter((one) => one.path !== place && isAround(one.path, place) && isWritable(one)),
      ),
    }
  }

  /** Where it cannot be moved into its place as a whole, nobody may write there meanwhile. Throws HttpError 409 `exported`. */
  refuseAround({ around }: ExportsAround, directory: string, why: string): void {
    const [first] = around
    if (first === undefined) return
    throw new HttpError(
      409,
      "exported",
      `${first} is exported, so that movers may write to ${directory} while a repository is made there: ${why}.`,
      { hint: "Take that export out of the document, apply that, and put it back afterwards." },
    )
  }

  /**
   * Has the server withdraw what it exports of the place, and sees that it did. Returns what lets it be exported again, and waits for
   * that. Throws HttpError 409 `exported` where the server goes on.
   */
  async hold(place: string): Promise<() => Promise<void>> {
    const { keptOut, exportKeeper, turns } = this.#parts
    // What is around the place stays: clients see nothing of the repository before it is whole.
    keptOut.add(
      place,
      {
        code: BEING_CREATED,
        message: `a repository is being made in ${place}`,
        hint: "It is exported as soon as the repository is there and pinned.",
      },
      "within",
    )
    const release = async (): Promise<void> => {
      keptOut.remove(place, BEING_CREATED)
      await exportKeeper.look()
    }
    try {
      // An apply that is under way looked before the place was held; when both are over, nobody does any more.
      await turns.take(async () => undefined)
      await exportKeeper.look()
      const { ofThePlace } = await this.around(place)
      if (ofThePlace.length === 0) return release
      throw new HttpError(
        409,
        "exported",
        `${ofThePlace.join(", ")} is exported, and the server does not withdraw it.`,
        {
          hint: "It is not an export of Cistern's, or nobody keeps the exports now: withdraw it, and try again.",
        },
      )
    } catch (error) {
      await release()
      throw error
    }
  }
}

/** Unless it says that it is not. */
function isWritable({ options }: ActiveExport): boolean {
  return options.findLast((option) => option === "rw" || option === "ro") !== "ro"
}

function pathsOf(exports: readonly ActiveExport[]): string[] {
  return [...new Set(exports.map(({ path }) => path))]
}
