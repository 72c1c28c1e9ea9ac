import { z } from "zod"
import { parseAge } from "./age.js"
import { byteSizeForm, parseByteSize } from "./byte-size.js"

const DAY_MS = 86_400_000
const LONGEST_MS = 400 * DAY_MS
/** With less, a small repository takes weeks. */
const SLOWEST = 1024 * 1024
const MOST_READERS = 64

const every = z.string('an age is wanted, such as "30d"').refine((written) => {
  const ms = parseAge(written)
  return ms !== undefined && ms >= DAY_MS && ms <= LONGEST_MS
}, 'an age from "1d" to "400d" is wanted')

const limit = z.union([z.int(), z.string()], byteSizeForm).transform((written, context): number => {
  const size = typeof written === "number" ? written : parseByteSize(written)
  if (size !== undefined && size >= SLOWEST) return size
  context.addIssue({ code: "custom", message: size === undefined ? byteSizeForm : "at least 1MiB is wanted" })
  return z.NEVER
})

/** How the daemon's scrubs read. */
export const scrub = z
  .strictObject({
    every: every.exactOptional().describe("Every file is read again within so long; 30d"),
    limit: limit.exactOptional().describe("At most so much is read in a second, such as 100MiB; no limit"),
    readers: z
      .int()
      .min(1)
      .max(MOST_READERS)
      .exactOptional()
      .describe("Threads that read and hash; 1 where the disk turns, else one for two processors"),
  })
  .describe("How the files of repositories are read to find what has rotted")
