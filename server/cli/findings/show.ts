import type { Command } from "commander"
import { findingPaths, type FindingShownJson, findingShownJson } from "../../http/contract/findings.js"
import { usageError } from "../cli-error.js"
import type { Context } from "../context.js"
import { exitCodes } from "../exit-codes.js"
import { formatTime } from "../figures.js"
import type { Output } from "../output.js"
import { printable } from "../printable.js"
import { stateOf } from "./list.js"

interface ShowOptions {
  readonly after?: string
  readonly json?: boolean
}

export function showCommand(findings: Command, context: Context): void {
  findings
    .command("show")
    .argument("<id>", "its number")
    .description("everything that is known of one; ends with 1 while a critical or a warning is open")
    .option("--after <place>", "the next page of its volumes")
    .option("--json", "print JSON")
    .action(async (id: string, { after, json }: ShowOptions) => {
      const answer = await context.daemon().get(pathOf(id), findingShownJson, { after })
      if (json === true) context.out.json(answer)
      else printFinding(answer, context.out)
      const { severity, state, muted } = answer.finding
      if (state === "open" && muted === null && severity !== "info") context.exitWith(exitCodes.wrong)
    })
}

/** Throws a usage error for what is no number. */
export function pathOf(id: string, act?: string): string {
  if (!/^[1-9]\d{0,14}$/.test(id))
    throw usageError("A finding is named by its number.", "`cistern findings` shows it.")
  return `${findingPaths.findings}/${id}${act === undefined ? "" : `/${act}`}`
}

export function printFinding({ finding, evidence, touched, events }: FindingShownJson, out: Output): void {
  const { acknowledged, muted, closed } = finding
  const lines: [string, string][] = [
    ["finding", `${finding.id}  ${finding.code}`],
    ["severity", finding.severity],
    ["state", stateOf(finding)],
    ["subject", `${finding.subject.kind} ${finding.subject.key}`],
    ["what", finding.title],
    ...finding.hint.split("\n").map((line, at): [string, string] => [at === 0 ? "next" : "", line]),
    ["found by", `${finding.source}, ${finding.scope}`],
    ["first seen", `${formatTime(finding.firstSeen)} UTC`],
    ["last seen", `${formatTime(finding.lastSeen)} UTC, ${finding.timesSeen} times`],
    ...(finding.opened > 1
      ? [
          ["opened", `${finding.opened} times, last at ${formatTime(finding.openedAt)} UTC`] as [
            string,
            string,
          ],
        ]
      : []),
    ...(finding.absentSince === null
      ? []
      : [
          [
            "going",
            `not there since ${formatTime(finding.absentSince)} UTC; it comes and goes, so that it stays open for a while`,
          ] as [string, string],
        ]),
    ...(finding.unknownSince === null
      ? []
      : [
          ["unknown", `could not be looked at since ${formatTime(finding.unknownSince)} UTC`] as [
            string,
            string,
          ],
        ]),
    ...(acknowledged === null
      ? []
      : [
          [
            "known",
            `${acknowledged.by}, ${formatTime(acknowledged.at)} UTC, ${untilText(acknowledged.until)}: ${acknowledged.why}`,
          ] as [string, string],
        ]),
    ...(muted === null
      ? []
      : [["muted", `${muted.by}, ${untilText(muted.until)}: ${muted.why}`] as [string, string]]),
    ...(closed === null
      ? []
      : [
          [
            "closed",
            `${formatTime(closed.at)} UTC, ${closed.why}${closed.by === null ? "" : ` (${closed.by})`}`,
          ] as [string, string],
        ]),
    ...Object.entries(evidence).map(([name, value]): [string, string] => [`  ${name}`, valueText(value)]),
  ]
  const width = Math.max(...lines.map(([name]) => printable(name).length)) + 2
  out.text(lines.map(([name, text]) => `${printable(name).padEnd(width)}${printable(text)}`).join("\n"))
  if (finding.volumes > 0) {
    const names = touched.volumes.map(({ cluster, namespace, pvc }) => `  ${cluster}/${namespace}/${pvc}`)
    out.text(["", `${finding.volumes} volumes:`, ...names.map((name) => printable(name))].join("\n"))
    if (touched.next !== null) out.note(`The next page: --after '${printable(touched.next)}'`)
  }
  const told = events.map(
    ({ at, kind, by, why }) =>
      `  ${formatTime(at)}  ${printable([kind, ...(by === null ? [] : [`by ${by}`]), ...(why === null ? [] : [why])].join(", "))}`,
  )
  if (told.length > 0) out.text(["", "history (UTC):", ...told].join("\n"))
}

function untilText(until: string | null): string {
  return until === null ? "until it is gone" : `until ${formatTime(until)} UTC`
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value)
}
