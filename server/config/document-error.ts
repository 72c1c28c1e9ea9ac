/** Where in a document: keys from the top; an entry of a list by its position or by its name. */
export type DocumentPath = readonly (string | number)[]

export interface Position {
  readonly line: number
  readonly column: number
}

/** One thing wrong with a document. */
export interface DocumentProblem {
  readonly path: DocumentPath
  readonly message: string
  /** Undefined where no text stands behind the document, or the fault lies in what was applied before. */
  readonly position: Position | undefined
}

/** A document that cannot be taken as it is. The message has a line for each problem. */
export class DocumentError extends Error {
  override readonly name = "DocumentError"
  readonly code = "invalid_document"
  readonly problems: readonly DocumentProblem[]
  readonly hint = "Correct the document and apply it again; `cistern schema` prints what it may hold."

  constructor(problems: readonly DocumentProblem[]) {
    const sorted = [...problems].sort((one, other) => lineOf(one) - lineOf(other))
    super(sorted.map(renderProblem).join("\n"))
    this.problems = sorted
  }
}

/** One line: "12:5 repositories.shared.engine: …". */
export function renderProblem(problem: DocumentProblem): string {
  const where = problem.position === undefined ? "" : `${problem.position.line}:${problem.position.column} `
  const path = problem.path.length === 0 ? "" : `${problem.path.join(".")}: `
  return where + path + problem.message
}

function lineOf({ position }: DocumentProblem): number {
  return position?.line ?? 0
}
