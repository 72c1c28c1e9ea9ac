import { spaceAt } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"

const EVERY_MS = 250

export interface RoomWatch {
  /** Aborted with a StorageError `no_space` when too little is left. */
  readonly signal: AbortSignal
  end(): void
}

/** Watches that something stays free on a disk that others write to as well: a full one hurts them. */
export function watchRoom(scratch: string, minFreeBytes: number): RoomWatch {
  const controller = new AbortController()
  const timer = setInterval(() => {
    const full = tooFull(scratch, minFreeBytes)
    if (full === undefined) return
    clearInterval(timer)
    controller.abort(full)
  }, EVERY_MS)
  return {
    signal: controller.signal,
    end: () => {
      clearInterval(timer)
    },
  }
}

/** A disk that does not answer is told by what is written to it. */
function tooFull(scratch: string, minFreeBytes: number): StorageError | undefined {
  let availableBytes: number
  try {
    ;({ availableBytes } = spaceAt(scratch))
  } catch {
    return undefined
  }
  if (availableBytes >= minFreeBytes) return undefined
  return new StorageError("no_space", `the scratch space ${scratch} has only ${availableBytes} bytes left`, {
    facts: { file: scratch },
    hint: "Make room there, or name another place as `drills.scratch`.",
  })
}
