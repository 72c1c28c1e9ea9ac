import { z } from "zod"
import { weekdays } from "./document.js"
import { parseAge } from "./age.js"

const at = z
  .string('a time in quotes is wanted, such as "03:30"')
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day in UTC is wanted, such as "03:30"')
  .describe("Time of day in UTC")

const schedule = z
  .discriminatedUnion("every", [
    z.strictObject({ every: z.literal("hour") }),
    z.strictObject({ every: z.literal("day"), at }),
    z.strictObject({ every: z.literal("week"), on: z.enum(weekdays), at }),
  ])
  .describe("Within five minutes after this, later by the same for the same store")

const most = z.int().min(0).max(1000).default(0)

/** What is kept where the document does not say more. */
export const usualKeep = { last: 3, hourly: 0, daily: 7, weekly: 4, monthly: 0, minimumAge: "24h" }

const keep = z
  .strictObject({
    last: most.describe("So many of the newest"),
    hourly: most.describe("The newest of so many hours, and so on for days, weeks and months, in UTC"),
    daily: most,
    weekly: most,
    monthly: most,
    minimumAge: z
      .string()
      .refine((age) => parseAge(age) !== undefined, 'an age is wanted, such as "24h" or "7d"')
      .default(usualKeep.minimumAge)
      .describe("What is younger stays, whatever the rules say"),
  })
  .refine(
    ({ last, hourly, daily, weekly, monthly }) => last + hourly + daily + weekly + monthly > 0,
    "at least one rule must keep something; leave `keep` out for the usual ones",
  )

/** When filesystem snapshots of a store are made by themselves, and which stay. */
export const filesystemSnapshots = z.strictObject({ schedule, keep: keep.default(usualKeep) })
