import { printable } from "./printable.js"

export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  readonly align?: "right"
}

/** Text with columns under titles, two spaces apart, no spaces at the ends of lines. Cells are one line each. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.of(row))))
  const titles = columns.map(({ title }) => title)
  const widths = columns.map((_, at) => Math.max(...[titles, ...cells].map((line) => width(line[at] ?? ""))))
  return [titles, ...cells]
    .map((line) =>
      line
        .map((cell, at) => padded(cell, widths[at] ?? 0, columns[at]?.align))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
    .concat("\n")
}

function padded(cell: string, to: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, to - width(cell)))
  return align === "right" ? space + cell : cell + space
}

/** Characters as people count them. */
function width(text: string): number {
  let count = 0
  for (const { segment } of segmenter.segment(text)) count += wide.test(segment) ? 2 : 1
  return count
}

const segmenter = new Intl.Segmenter()
const wide =
  /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u
