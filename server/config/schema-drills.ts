import { z } from "zod"
import { parseAge } from "./age.js"
import { byteSizeForm, parseByteSize } from "./byte-size.js"
import type { DrillsEntry } from "./document.js"

const age = z
  .string('an age is wanted, such as "30d"')
  .refine((written) => (parseAge(written) ?? 0) > 0, 'an age is wanted, such as "30d"')

const bytes = z.union([z.int().min(0), z.string()], byteSizeForm).transform((written, context): number => {
  const size = typeof written === "number" ? written : parseByteSize(written)
  if (size !== undefined) return size
  context.addIssue({ code: "custom", message: byteSizeForm })
  return z.NEVER
})

const scratch = z
  .string()
  .regex(/^\/[^\0]*[^/\0][^\0]*$/, "an absolute path is wanted, and not the root")
  .refine((path) => !path.split("/").includes(".."), 'a path may not hold ".."')
  .transform(
    (path) =>
      "/" +
      path
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .join("/"),
  )

const volumeName = z.string().regex(/^[^/\s]+\/[^/\s]+$/, "a volume is written namespace/pvc")

/** A path in a snapshot. */
const sentinel = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.split("/").includes(".."), 'a path may not hold ".."')

/** How restores are tried out. */
export const drills = z
  .strictObject({
    every: age.exactOptional().describe("Each volume's newest backup is drilled once in so long; 30d"),
    scratch: scratch
      .exactOptional()
      .describe(
        "Where backups are restored to, and removed again; left out, a folder of the state directory",
      ),
    most: bytes.exactOptional().describe("Larger backups are not drilled; 50GiB"),
    minFree: bytes.exactOptional().describe("So much stays free there in any case; 10GiB"),
    engineEvery: z
      .union([age, z.literal("never")])
      .exactOptional()
      .describe(
        "Once in so long the real kopia or restic restores the same, and every byte is compared; 90d",
      ),
    sentinels: z
      .record(volumeName, z.array(sentinel).min(1).max(100))
      .default({})
      .describe("Files that must be in a volume's backup"),
  })
  .describe("How it is tried out that backups can be restored")
  .transform((entry): DrillsEntry => entry)
