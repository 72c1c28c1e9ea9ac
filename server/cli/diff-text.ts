import type { ApplyJson, ChangeJson } from "../http/contract/admin.js"
import type { Output } from "./output.js"
import { printable } from "./printable.js"

const signs = {
  added: ["+", "green"],
  changed: ["~", "yellow"],
  replaced: ["!", "red"],
  removed: ["-", "red"],
  unchanged: [" ", "dim"],
  absent: [" ", "dim"],
} as const

/** Whether applying would do anything. */
export function changesSomething({ changes }: Pick<ApplyJson, "changes">): boolean {
  return changes.some(({ kind }) => kind !== "unchanged" && kind !== "absent")
}

/** The diff, for people: what changes first, what stays in one line each, what must be acknowledged last. */
export function renderApply(plan: ApplyJson, out: Output): string {
  const changing = plan.changes.filter(({ kind }) => kind !== "unchanged" && kind !== "absent")
  const lines = changing.flatMap((change) => renderChange(change, out))
  if (changing.length === 0) lines.push("Nothing changes.")
  for (const [kind, title] of [
    ["unchanged", "unchanged"],
    ["absent", "not in the document, left alone"],
  ] as const) {
    const names = plan.changes.filter((change) => change.kind === kind).map(({ of, name }) => `${of} ${name}`)
    if (names.length > 0) lines.push(out.colour("dim", `  ${title}: ${names.join(", ")}`))
  }
  for (const { option, why, accepted } of plan.acknowledgements) {
    const title = accepted ? "acknowledged" : "must be acknowledged"
    lines.push(`${out.colour(accepted ? "green" : "red", title)}: ${printable(why)}`, `  ${option}`)
  }
  return lines.join("\n")
}

function renderChange(change: ChangeJson, out: Output): string[] {
  const [sign, colour] = signs[change.kind]
  const head = out.colour(colour, `${sign} ${change.kind} ${change.of} ${printable(change.name)}`)
  const fields = change.fields.map(
    ({ field, before, after }) =>
      `    ${field}: ${printable(before ?? "(not said)")} -> ${printable(after ?? "(not said)")}`,
  )
  return [head, ...fields, ...change.notes.map((note) => `    ${note}`)]
}
