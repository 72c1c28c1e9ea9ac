import { z } from "zod"
import { parseCron } from "../jobs/cron.js"
import { isAlwaysQuiet, type QuietHours, weekdayNames } from "../jobs/quiet-hours.js"
import { isZone } from "../jobs/zone.js"
import { parseAge } from "./age.js"
import type { ScheduleEntry } from "./document.js"
import { jobNames } from "./job-names.js"

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "lower-case letters, digits and dashes, at most 63")

const cron = z
  .string()
  .superRefine((text, context) => {
    const parsed = parseCron(text)
    if (typeof parsed === "string") context.addIssue({ code: "custom", message: parsed })
  })
  .describe(
    'Minute, hour, day of month, month and weekday, such as "30 2 * * *", or a nickname such as "@weekly"',
  )

const zone = z
  .string()
  .max(100)
  .refine(isZone, 'no time zone of this machine; one such as "Europe/Berlin" is wanted')
  .default("UTC")
  .describe('Time zone, such as "Europe/Berlin"; UTC where it is left out')

const LONGEST_SPREAD_MS = 7 * 86_400_000

const spread = z
  .string()
  .refine((text) => {
    const ms = parseAge(text)
    return ms !== undefined && ms <= LONGEST_SPREAD_MS
  }, 'a time of at most a week is wanted, such as "30m" or "4h"')
  .default("1h")
  .describe("Each subject begins within so long after the time, always at the same moment of it")

const names = z.array(name).min(1, "at least one is wanted; leave it out for all")

export const schedule = z
  .strictObject({
    name,
    job: name.meta({ enum: [...jobNames] }).describe("The kind of job; `cistern jobs` lists them"),
    repositories: names.exactOptional().describe("Only these; left out, all"),
    stores: names.exactOptional().describe("Only what is in these stores; left out, all"),
    cron: cron.exactOptional(),
    zone,
    spread,
    off: z.boolean().default(false).describe("The job does not run by itself on these"),
  })
  .superRefine((entry, context) => {
    if (entry.off === (entry.cron !== undefined)) {
      const message = entry.off ? "what is off has no cron" : "when? `cron` is wanted, or `off: true`"
      context.addIssue({ code: "custom", path: entry.off ? ["cron"] : [], message })
    }
    if (entry.repositories !== undefined && entry.stores !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["stores"],
        message: "either repositories or stores are named",
      })
    }
  })
  .transform((entry): ScheduleEntry => entry)

const timeOfDay = z
  .string('a time in quotes is wanted, such as "08:00"')
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day is wanted, such as "08:00"')

export const quietHours = z
  .strictObject({
    zone,
    windows: z
      .array(
        z.strictObject({
          from: timeOfDay,
          to: timeOfDay.describe("Over midnight when it is not later than `from`"),
          days: z
            .array(z.enum(weekdayNames))
            .min(1, "at least one day is wanted; leave it out for every day")
            .exactOptional()
            .describe("The days on which it begins; left out, every day"),
        }),
      )
      .min(1, "at least one is wanted; leave `quietHours` out for none")
      .max(50)
      .refine((windows) => !isAlwaysQuiet(windows), "they leave no time for any work"),
  })
  .describe("When nothing begins by itself, and what is under way stands back")
  .transform((hours): QuietHours => hours)
