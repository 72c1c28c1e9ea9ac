import type { z } from "zod"
import { type ApplyJson, applyJson } from "../http/contract/admin.js"
import type { Context } from "./context.js"
import { type DaemonReply, expected, refusal } from "./daemon-client.js"
import { changesSomething, renderApply } from "./diff-text.js"
import { exitCodes } from "./exit-codes.js"
import { printable } from "./printable.js"

export interface CarryOutOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export interface PlannedWork<Plan extends ApplyJson> {
  /** Asks the daemon. `basis` is that of the plan that was shown. */
  readonly send: (more: { readonly dryRun?: true; readonly basis?: string }) => Promise<DaemonReply>
  readonly schema: z.ZodType<Plan>
  /** What a plan says besides its changes. */
  readonly more: (plan: Plan) => readonly string[]
  readonly question: string
  readonly done: string
}

/** Shows what changes, asks whether it is meant, and has it done. */
export async function carryOut<Plan extends ApplyJson>(
  work: PlannedWork<Plan>,
  options: CarryOutOptions,
  context: Context,
): Promise<void> {
  const { out } = context
  const plan = planOf(await work.send({ dryRun: true }), work.schema)
  const open = plan.acknowledgements.filter(({ accepted }) => !accepted)
  const asks = out.interactive && options.yes !== true && options.dryRun !== true && options.json !== true
  const besides = work.more(plan).map((line) => printable(line))
  if (options.json !== true) out.text([renderApply(plan, out), ...besides].join("\n"))
  if (open.length > 0 && options.dryRun !== true) {
    const said = [...new Set(open.map(({ option }) => option))].join(" ")
    if (options.json === true) out.json(plan)
    else out.note(`Nothing was applied. Acknowledge with: ${said}`)
    context.exitWith(exitCodes.refused)
    return
  }
  if (options.dryRun === true || (!changesSomething(plan) && plan.acknowledgements.length === 0)) {
    if (options.json === true) out.json(plan)
    return
  }
  if (asks && !(await context.confirm(work.question))) {
    out.note("Nothing was applied.")
    return
  }
  const applied = planOf(await work.send({ basis: plan.basis }), work.schema)
  if (options.json === true) out.json(applied)
  else out.text([work.done, ...applied.notices.map((notice) => printable(notice))].join("\n"))
}

function planOf<Plan extends ApplyJson>(reply: DaemonReply, schema: z.ZodType<Plan>): Plan {
  // With acknowledgements missing the plan comes back under status 409.
  if (reply.status === 200 || schema.safeParse(reply.body).success) return expected(reply, schema)
  throw refusal(reply)
}

export const plainPlan = { schema: applyJson, more: () => [] }
