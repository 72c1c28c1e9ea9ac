import { isAround } from "../../../../storage/nfs/index.js"

export interface HeldPlaceProblem {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

/** Places in which a repository is being made: what is exported of them is withdrawn until it is there and pinned. */
export class HeldPlaces {
  readonly #held = new Set<string>()

  /** `directory` is absolute and really there. Returns what lets it go. */
  hold(directory: string): () => void {
    this.#held.add(directory)
    return () => {
      this.#held.delete(directory)
    }
  }

  /** Why a directory may not be exported now. What is around the place stays: clients see nothing of it before it is whole. */
  problemOf(directory: string): HeldPlaceProblem | undefined {
    if (![...this.#held].some((place) => isAround(place, directory))) return undefined
    return {
      code: "being_created",
      message: `a repository is being made in ${directory}`,
      hint: "It is exported as soon as the repository is there and pinned.",
    }
  }
}
