import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { JobContext, JobKind, JobSubject, Outcome } from "../../../server/jobs/kind.js"
import { StorageError } from "../../../storage/index.js"
import { until } from "../../support/until.js"
import { bench, kind, repository } from "./support.js"
import { usualTiming } from "../../../server/jobs/active-run.js"

const subjects: readonly JobSubject[] = [
  repository("a1", "a"),
  repository("a2", "a"),
  repository("b1", "b"),
  { type: "store", store: "a" },
  { type: "whole" },
]
const places = (subject: JobSubject): string[] =>
  subjects.flatMap((one) =>
    one.type === "repository" &&
    (subject.type === "whole" ||
      (subject.type === "store"
        ? subject.store === one.store
        : JSON.stringify(subject) === JSON.stringify(one)))
      ? [one.place]
      : [],
  )

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("start" as const),
      kind: fc.constantFrom("prune", "mend", "read", "deaf"),
      subject: fc.nat(subjects.length - 1),
      cause: fc.constantFrom("person" as const, "schedule" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which: fc.nat(),
      how: fc.constantFrom("ok", "findings", "failed"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "limit" as const }) },
)

describe("whatever is started, cancelled, late or broken", () => {
  it("two changing runs never meet, limits hold, every run has one outcome, and a skipped one a reason", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const changing: string[] = []
        const atWork: { end: (how: string) => void }[] = []
        let most = 0
        const work = (name: string, changes: boolean, hears: boolean): JobKind =>
          kind(
            name,
            async (context: JobContext): Promise<Outcome> => {
              const mine = changes ? places(context.subject) : []
              for (const place of mine)
                if (changing.includes(place)) throw new Error(`two runs change ${place}`)
              changing.push(...mine)
              let ended: ((how: string) => void) | undefined
              const self = { end: (how: string) => ended?.(how) }
              atWork.push(self)
              most = Math.max(most, atWork.length)
              try {
                const how = await new Promise<string>((resolve, reject) => {
                  ended = resolve
                  if (hears)
                    context.signal.addEventListener("abort", () => {
                      reject(new Error("aborted"))
                    })
                })
                if (how === "failed") throw new StorageError("corrupt", "damaged")
                return { outcome: how === "findings" ? "findings" : "ok" }
              } finally {
                atWork.splice(atWork.indexOf(self), 1)
                for (const place of mine) changing.splice(changing.indexOf(place), 1)
              }
            },
            { changing: changes },
          )
        const outcomesOf = new Map<string, number>()
        const one = bench(
          [
            work("prune", true, true),
            work("mend", true, true),
            work("deaf", true, false),
            work("read", false, true),
          ],
          {
            limits: { atOnce: 3, perDisk: 2 },
            timing: { ...usualTiming, hardLimitMs: 1, standBackMs: 1 },
            ended: (_kind, _outcome, { id }) => outcomesOf.set(id, (outcomesOf.get(id) ?? 0) + 1),
          },
        )
        const ids: string[] = []
        const settle = () => new Promise(setImmediate)
        for (const move of steps) {
          if (move.do === "start")
            ids.push(
              ...one.runner.submit([
                {
                  kind: move.kind,
                  subject: subjects[move.subject] ?? { type: "whole" },
                  cause: move.cause,
                  by: "x",
                },
              ]),
            )
          if (move.do === "cancel" && ids.length > 0)
            one.runner.cancel(ids[move.which % ids.length] ?? "", "tester")
          if (move.do === "end" && atWork.length > 0) atWork[move.which % atWork.length]?.end(move.how)
          if (move.do === "limit") await new Promise((resolve) => setTimeout(resolve, 3))
          await settle()
        }
        await until(
          async () => {
            for (const { end } of [...atWork]) end("ok")
            await settle()
            return one.runner.live().length
          },
          (live) => live === 0,
          "all to end",
        )
        expect(most).toBeLessThanOrEqual(3)
        for (const id of ids) {
          const row = one.book.get(id)
          expect(row?.outcome, id).not.toBeNull()
          expect(outcomesOf.get(id), id).toBe(1)
          expect(row?.reason === "internal", row?.message ?? "").toBe(false)
          if (row?.outcome === "skipped") expect(row.message).toMatch(/run |cancelled/)
        }
        one.close()
      }),
      { numRuns: 40 },
    )
  })
})
