import { z } from "zod"
import { ANOMALY_CODES } from "../anomalies/codes.js"
import { parseAge } from "./age.js"
import { byteSizeForm, parseByteSize } from "./byte-size.js"

const percent = z.int().min(1).max(100)

const bytes = z.union([z.int().min(1), z.string()], byteSizeForm).transform((written, context): number => {
  const size = typeof written === "number" ? written : parseByteSize(written)
  if (size !== undefined) return size
  context.addIssue({ code: "custom", message: byteSizeForm })
  return z.NEVER
})

const age = z
  .string('an age is wanted, such as "24h" or "7d"')
  .refine((written) => (parseAge(written) ?? 0) > 0, 'an age is wanted, such as "24h" or "7d"')

const limits = {
  window: z
    .int()
    .min(2)
    .max(100)
    .exactOptional()
    .describe("With how many complete snapshots before it one is compared; 10"),
  lostPercent: percent.exactOptional().describe("Lost: at least so much of the usual files or bytes; 50"),
  lostFiles: z.int().min(1).exactOptional().describe("and at least so many files; 10"),
  lostBytes: bytes.exactOptional().describe("and at least so many bytes; 1MiB"),
  growthFactor: z.number().gt(1).max(1_000_000).exactOptional().describe("Grown: so many times the usual; 3"),
  growthBytes: bytes.exactOptional().describe("and by at least so many bytes; 1GiB"),
  interval: age.exactOptional().describe("How often backups are to be made; left out, it is learnt"),
  missedIntervals: z
    .number()
    .min(1)
    .max(1000)
    .exactOptional()
    .describe("How many intervals may pass without a complete snapshot; 2"),
  firstBackup: age.exactOptional().describe("How long a first backup may take; 24h"),
  restarts: z.int().min(1).max(1000).exactOptional().describe("How many runs may begin and not end; 3"),
  zeroBytes: bytes.exactOptional().describe("The smallest file of zeros that is told; 4096"),
  rewrittenPercent: percent.exactOptional().describe("Files that get another content at once; 80"),
  deletedPercent: percent.exactOptional().describe("Files that go at once; 50"),
  changedFiles: z
    .int()
    .min(1)
    .exactOptional()
    .describe("Of fewer files nothing is told as rewritten or deleted; 20"),
  off: z
    .array(z.enum(ANOMALY_CODES))
    .refine((codes) => new Set(codes).size === codes.length, "a code is here twice")
    .exactOptional()
    .describe("Anomalies that are not told"),
}

const volumeName = z.string().regex(/^[^/\s]+\/[^/\s]+$/, "a volume is written namespace/pvc")

/** From where on backups are odd, for a repository and for some of its volumes. */
export const anomalies = z
  .strictObject({
    ...limits,
    volumes: z.record(volumeName, z.strictObject(limits)).default({}).describe("Others for these volumes"),
  })
  .describe("From where on backups that are intact count as odd")
