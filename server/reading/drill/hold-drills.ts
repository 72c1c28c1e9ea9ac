import { mkdirSync, realpathSync } from "node:fs"
import { StorageError } from "../../../storage/index.js"
import { engineVersion } from "../../../storage/host/index.js"
import { sweepDrills } from "../../../storage/restore/index.js"
import type { Ask, JobContext, Outcome } from "../../jobs/index.js"
import { FencedPlace } from "../fenced-place.js"
import { OneDrill } from "./one-drill.js"
import type { DrillInput, DrillOrder, DrillQuestion, DrillReply } from "./questions.js"

/**
 * Drills one volume after the other as the daemon's thread orders them, in a thread of its own. Throws StorageError: the repository cannot
 * be opened, its filesystem went away, or the scratch space is not there (`no_scratch` in its facts).
 */
export async function holdDrills(context: JobContext, input: DrillInput, ask: Ask): Promise<Outcome> {
  const say = (question: DrillQuestion): Promise<unknown> => ask(question)
  const scratch = await scratchOf(context, input)
  const place = new FencedPlace(input.spec)
  try {
    const repository = await place.open()
    const one = new OneDrill({ context, place, repository, input: { ...input, scratch } })
    const hasEngine = await isThere(repository.engine, input.program, context)
    for (;;) {
      await context.standBack()
      const order = (await say({ ask: "next" })) as DrillOrder | undefined
      if (order === undefined) return { outcome: "ok" }
      const reply = await one.hold(order, hasEngine)
      // Nothing that was read counts when its filesystem went away meanwhile.
      place.assertSame()
      logReply(context, order, reply)
      await say({ ask: "done", reply })
    }
  } catch (error) {
    context.signal.throwIfAborted()
    throw place.reasonOf(error)
  } finally {
    place.close()
  }
}

/** Its real path, with what killed drills left in it removed. */
async function scratchOf(
  context: JobContext,
  { scratch, ownScratch }: Pick<DrillInput, "scratch" | "ownScratch">,
): Promise<string> {
  try {
    if (ownScratch) mkdirSync(scratch, { mode: 0o700, recursive: true })
    const { removed } = await sweepDrills(scratch)
    for (const path of removed) context.log("removed what an interrupted drill left", { path })
    return realpathSync(scratch)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StorageError("missing", `the scratch space ${scratch} cannot be used: ${why}`, {
      facts: { no_scratch: true, file: scratch },
      hint: "Mount or make it, or name another one as `drills.scratch` in the document.",
      cause,
    })
  }
}

async function isThere(engine: "kopia" | "restic", program: string, context: JobContext): Promise<boolean> {
  try {
    await engineVersion(engine, program)
    return true
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    context.log(`the real ${engine} is not used: ${error.message}`)
    return false
  }
}

function logReply(context: JobContext, { volume, snapshot }: DrillOrder, reply: DrillReply): void {
  const facts = { volume, snapshot: snapshot.id }
  switch (reply.kind) {
    case "drilled": {
      const { files, bytes, seconds, rate, checks } = reply
      const bad = checks.filter(({ status }) => status === "failed" || status === "unknown")
      context.log(
        bad.length === 0 ? `${volume} can be restored` : `${volume}: something is wrong`,
        { ...facts, files, bytes, seconds: Math.round(seconds * 10) / 10, rate: Math.round(rate) },
        bad.length === 0 ? "info" : "warn",
      )
      for (const { name, status, detail } of bad) context.log(`${name}: ${status}: ${detail}`, facts, "warn")
      return
    }
    case "impossible":
      context.log(
        `${volume} could not be drilled: ${reply.message}`,
        { ...facts, reason: reply.reason },
        "warn",
      )
      return
    case "gone":
      context.log(`the snapshot of ${volume} was removed meanwhile`, facts)
  }
}
