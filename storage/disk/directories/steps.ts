/**
 * Long work on a store, in steps that each take a moment: between two of them it is checked that the store is still the store, others
 * have their turn, and somebody may ask how far it is. Gives how many things are done.
 */
export type Steps<T> = Generator<number, T, undefined>

/** So many files between two pauses. */
export const STEP = 64

/** How many things of a kind there were, and one of them. */
export interface Counted {
  readonly count: number
  readonly example: string | undefined
}

export const NONE: Counted = { count: 0, example: undefined }

export function oneMore({ count, example }: Counted, path: string): Counted {
  return { count: count + 1, example: example ?? path }
}
