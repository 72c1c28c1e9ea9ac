import { DocumentError } from "../../../server/config/index.js"

/** Why a document is not taken. */
export function refusal(plan: () => unknown): string {
  try {
    plan()
  } catch (error) {
    if (error instanceof DocumentError) return error.message
    throw error
  }
  return "it was taken"
}
