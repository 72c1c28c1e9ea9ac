import { type Figure, ratio, type Row } from "./row.js"

/** The rows as text: one line of ours, below it one line for each peer with the ratio (above 1: we are better). */
export function renderTable(rows: readonly Row[]): string {
  const cells = [["what", "who", "value", "times better", "budget"], ...rows.flatMap(cellsOf)]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  return cells
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n")
}

function cellsOf(row: Row): string[][] {
  return [
    [row.what, row.ours.who, figure(row.ours, row.unit), "", row.budget],
    ...row.peers.map((peer) => {
      const times = ratio(row, peer)
      return ["", peer.who, figure(peer, row.unit), times === undefined ? "" : `${times.toFixed(2)} x`, ""]
    }),
  ]
}

function figure({ value, note }: Figure, unit: string): string {
  if (value === undefined) return `not measured: ${note ?? "no reason given"}`
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${unit}${note === undefined ? "" : ` (${note})`}`
}
