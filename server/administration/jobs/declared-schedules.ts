import { type Document, parseAge } from "../../config/index.js"
import type { DeclaredSchedule } from "../../jobs/index.js"

/** The document's schedules in the scheduler's words. */
export function declaredSchedules({ schedules }: Pick<Document, "schedules">): DeclaredSchedule[] {
  return schedules.map(({ name, job, repositories, stores, cron, zone, spread }) => ({
    name,
    job,
    repositories,
    stores,
    rule: cron === undefined ? undefined : { cron, zone, spreadMs: parseAge(spread) ?? 0 },
  }))
}
